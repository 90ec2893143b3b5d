"""Empty says what to do next; an error says what failed and what still works."""

import html
import json
import re
from collections.abc import Callable

import pytest
from django.test import Client

from metering.clickhouse import connection
from metering.models import Tenant
from metering.queries import StoreUnavailable


def test_an_empty_installation_says_how_to_send_the_first_event(
    alice: Client, acme: Tenant
) -> None:
    response = alice.get("/")
    text = response.content.decode()
    assert response.status_code == 200
    assert "create_api_key --tenant acme" in text
    assert "curl http://testserver/api/v1/events" in text


def test_the_command_of_the_empty_page_works(
    alice: Client, acme: Tenant, api: Callable[[Tenant], Client], roll: Callable[[Tenant], int]
) -> None:
    text = html.unescape(alice.get("/").content.decode())
    body = re.search(r"-d '(\[.*?\])'", text, re.DOTALL)
    assert body is not None
    sent = api(acme).post(
        "/api/v1/events",
        json.dumps(json.loads(body[1])),
        content_type="application/cloudevents-batch+json",
    )
    assert sent.status_code == 204
    roll(acme)
    assert "Agents by spend" in alice.get("/").content.decode()


def test_an_empty_range_leads_to_the_one_that_is_not(alice: Client, worked: Tenant) -> None:
    text = alice.get("/?month=2026-11").content.decode()
    assert "No events" in text
    assert "?month=2026-10" in text


@pytest.mark.parametrize(
    "address", ["/?month=2026-13", "/?from=x", "/?from=2026-10-02&to=2026-10-01"]
)
def test_a_range_that_cannot_be_is_a_page_that_says_so(alice: Client, address: str) -> None:
    response = alice.get(address)
    assert response.status_code == 400
    text = response.content.decode()
    assert 'role="alert"' in text
    assert "Invoices" in text


def test_a_range_is_quoted_and_never_run(alice: Client) -> None:
    text = alice.get("/?from=<script>alert(1)</script>").content.decode()
    assert "<script>alert" not in text


def test_without_the_store_the_page_says_what_still_works(
    alice: Client, worked: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object, **__: object) -> None:
        raise StoreUnavailable("the event store at 127.0.0.1:9 does not answer")

    monkeypatch.setattr(connection, "_execute", down)
    response = alice.get("/?month=2026-10")
    text = response.content.decode()
    assert response.status_code == 503
    assert response["Retry-After"]
    assert "the event store at 127.0.0.1:9 does not answer" in text
    assert 'href="/invoices/"' in text
    assert alice.get("/invoices/").status_code == 200


def test_a_store_that_goes_down_while_reading_is_the_same(
    alice: Client, worked: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object, **__: object) -> None:
        raise StoreUnavailable("gone")

    monkeypatch.setattr("billing.queries.bursts", down)
    assert alice.get("/?month=2026-10").status_code == 503


def test_pages_are_looked_at_and_nothing_else(alice: Client) -> None:
    for address in ("/", "/invoices/"):
        assert alice.post(address).status_code == 405
