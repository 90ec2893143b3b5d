"""API keys as those who hold them see them: made once, used, revoked; and what to paste."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
import yaml
from django.test import Client

from dashboards.key_examples import examples
from metering import api_keys
from metering.models import ApiKey, AuditEntry, Tenant
from tests.dashboards.conftest import member
from tests.dashboards.test_invoice_pages import html, read

PAGE = "/keys/"
EVENTS = "/api/v1/events"


@pytest.fixture(autouse=True)
def forget_uses() -> None:
    api_keys._noted.clear()


def make(person: Client, *scopes: str) -> str:
    """The key that the page shows."""
    page = person.post(PAGE, {"do": "make", "scope": scopes}).content.decode()
    found = re.search(r'id="new-key">([^<]+)<', page)
    assert found, page
    return unescape(found[1])


def by_key(key: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {key}"})


def test_a_key_is_shown_once_and_works(alice: Client, acme: Tenant, event: Any) -> None:
    key = make(alice, "ingest")
    assert key not in html(alice, PAGE)
    body = event.tokens("2026-10-01T00:00:00Z", input_tokens=1)
    kind = "application/cloudevents+json"
    assert by_key(key).post(EVENTS, body, content_type=kind).status_code == 204
    assert by_key(key).get("/api/v1/invoices").status_code == 403
    assert f"{key[:10]}… ingest" in read(alice, PAGE)
    acts = AuditEntry.objects.filter(chain__tenant=acme).values_list("actor", "action")
    assert ("user alice", "api_key.created") in acts


def test_its_last_use_is_told_and_written_rarely(
    alice: Client, acme: Tenant, django_assert_num_queries: Callable[[int], Any]
) -> None:
    key = make(alice, "read")
    assert f"{key[:10]}… read" in (text := read(alice, PAGE))
    assert "never" in text
    client = by_key(key)
    client.get("/api/v1/invoices")
    assert "never" not in read(alice, PAGE)
    with django_assert_num_queries(2):  # the key, the invoices, and no more of its use
        client.get("/api/v1/invoices")


def test_a_revoked_key_is_refused_and_stays_as_a_record(alice: Client, acme: Tenant) -> None:
    key = make(alice, "ingest", "read")
    found = ApiKey.objects.get(tenant=acme)
    assert alice.post(PAGE, {"do": "revoke", "id": found.pk}).status_code == 302
    assert by_key(key).get("/api/v1/invoices").status_code == 401
    assert "revoked" in read(alice, PAGE)


def test_a_key_without_anything_to_do_is_not_made(alice: Client, acme: Tenant) -> None:
    text = alice.post(PAGE, {"do": "make", "scope": ["everything"]}).content.decode()
    assert "has to be allowed something" in text
    assert ApiKey.objects.count() == 0


def test_whoever_only_looks_makes_and_revokes_none(
    alice: Client, bob: Client, charlie: Client, acme: Tenant
) -> None:
    key = make(alice, "read")
    pk = ApiKey.objects.get(tenant=acme).pk
    assert bob.post(PAGE, {"do": "make", "scope": ["read"]}).status_code == 403
    assert bob.post(PAGE, {"do": "revoke", "id": pk}).status_code == 403
    assert "Make a key" not in read(bob, PAGE)
    assert charlie.post(PAGE, {"do": "revoke", "id": pk}).status_code == 404
    assert key[:10] not in read(charlie, PAGE)
    assert member("dora", acme, "developer").post(PAGE, {"do": "make", "scope": ["read"]}).context
    for nonsense in ("", "x", "9" * 30):
        assert alice.post(PAGE, {"do": "revoke", "id": nonsense}).status_code == 404
    assert by_key(key).get("/api/v1/invoices").status_code == 200


def test_what_arrives_is_told_and_then_not_asked_for_again(
    alice: Client, acme: Tenant, send: Callable[..., object], event: Any
) -> None:
    assert 'hx-trigger="every 2s"' in html(alice, "/keys/arrived/")
    send(acme, [event.tokens("2026-10-01T00:00:00Z", inputTokens=1)])
    assert "1 event came and could not be taken" in read(alice, "/keys/arrived/")
    send(acme, [event.tokens("2026-10-01T00:00:00Z", input_tokens=1)])
    assert "1 event arrived" in read(alice, "/keys/arrived/")
    assert "hx-trigger" not in html(alice, "/keys/arrived/")


def test_the_examples_have_the_address_and_the_key() -> None:
    found = {one.name: one.text for one in examples("https://x.example", "dbk_k", "2026-10-01")}
    assert found.keys() == {"curl", "OpenTelemetry", "OpenMeter's client", "LiteLLM"}
    assert "Authorization=Bearer%20dbk_k" in found["OpenTelemetry"]
    logger = yaml.safe_load(found["LiteLLM"])["callback_settings"]["daybook"]
    assert logger["endpoint"] == "https://x.example/api/v1/litellm"
    assert logger["headers"] == {"Authorization": "Bearer dbk_k"}
