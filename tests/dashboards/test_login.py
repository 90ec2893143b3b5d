"""Logging in, and what becomes of those who try too often or belong nowhere."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from dashboards.login import TRIES, WAIT_SECONDS
from dashboards.models import Membership
from metering.models import Tenant

PASSWORD = "a long enough secret"


@pytest.fixture(autouse=True)
def frank(acme: Tenant) -> None:
    cache.clear()
    user = User.objects.create_user("frank", password=PASSWORD)
    Membership.objects.create(user=user, tenant=acme)


def log_in(client: Client, password: str, name: str = "frank", **more: str) -> int:
    return client.post("/login/", {"username": name, "password": password, **more}).status_code


def test_after_too_many_failures_even_the_right_password_waits(client: Client) -> None:
    assert [log_in(client, "wrong") for _ in range(TRIES)] == [200] * TRIES
    assert log_in(client, PASSWORD) == 429
    with time_machine.travel(timezone.now() + timedelta(seconds=WAIT_SECONDS + 1)):
        assert log_in(client, PASSWORD) == 302


def test_nobody_is_locked_out_by_failures_under_another_name_or_from_elsewhere(
    client: Client,
) -> None:
    for _ in range(TRIES):
        log_in(client, "wrong")
    assert log_in(client, "wrong", name="grace") == 200
    assert log_in(Client(REMOTE_ADDR="10.0.0.9"), PASSWORD) == 302


def test_a_success_starts_counting_anew(client: Client) -> None:
    for _ in range(TRIES - 1):
        log_in(client, "wrong")
    assert log_in(client, PASSWORD) == 302
    client.logout()
    assert log_in(client, "wrong") == 200
    assert log_in(client, PASSWORD) == 302


def test_one_is_led_back_to_where_one_wanted_to_go_and_never_elsewhere(client: Client) -> None:
    fields = {"username": "frank", "password": PASSWORD}
    back = client.post("/login/", fields | {"next": "/invoices/"})
    assert back["Location"] == "/invoices/"
    client.logout()
    away = client.post("/login/", fields | {"next": "https://evil.example/"})
    assert away["Location"] == "/"


def test_the_form_carries_a_token_against_forgery(client: Client) -> None:
    assert "csrfmiddlewaretoken" in client.get("/login/").content.decode()
    strict = Client(enforce_csrf_checks=True)
    assert log_in(strict, PASSWORD) == 403


def test_a_member_of_nothing_is_told_so_and_can_log_out(db: None) -> None:
    client = Client()
    client.force_login(User.objects.create(username="dave"))
    response = client.get("/")
    assert response.status_code == 403
    text = response.content.decode()
    assert "belongs to no tenant" in text
    assert 'action="/logout/"' in text


def test_a_page_that_does_not_exist_says_so(alice: Client) -> None:
    response = alice.get("/invoices/nothing/")
    assert response.status_code == 404
    assert "There is no such page" in response.content.decode()


def test_a_new_password_ends_other_sessions(client: Client, acme: Tenant) -> None:
    user = User.objects.create_user("fred", password="three plain words")
    Membership.objects.create(user=user, tenant=acme)
    client.force_login(user)
    elsewhere = Client()
    elsewhere.force_login(user)
    form = {"new_password1": "four other plain words", "new_password2": "four other plain words"}
    wrong = client.post("/password/", form | {"old_password": "three"})
    assert "was entered incorrectly" in wrong.content.decode()
    weak = client.post(
        "/password/",
        {"old_password": "three plain words", "new_password1": "12", "new_password2": "12"},
    )
    assert "too short" in weak.content.decode()
    right = client.post("/password/", form | {"old_password": "three plain words"})
    assert (right.status_code, right["Location"]) == (302, "/")
    assert client.get("/").status_code == 200
    assert elsewhere.get("/").status_code == 302
    assert Client().login(username="fred", password="four other plain words")
    assert Client().get("/password/").status_code == 302
