"""What came in, whether it adds up, and the quarantine as its owner repairs it."""

import html
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from metering.clickhouse import quarantine_query
from metering.clickhouse.connection import insert
from metering.clickhouse.quarantine_query import Entries, Quarantined
from metering.ingest import Report
from metering.models import IngestionAlert, Tenant
from metering.queries import StoreUnavailable, store_now
from metering.reconciliation import floor_hour
from tests.dashboards.conftest import logged_in, member
from tests.dashboards.test_overview_page import figures, plain

PAGE = "/ingestion/"
AT = "2026-10-04T10:00:00Z"
Send = Callable[[Tenant, list[dict[str, Any]]], Report]


def read(client: Client, address: str = PAGE) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def waiting(tenant: Tenant) -> Quarantined:
    [entry] = Entries(tenant=tenant.pk).page(10)
    return entry


def mended(entry: Quarantined) -> str:
    return entry.body.replace("inputTokens", "input_tokens")


def test_the_page_says_that_all_adds_up_and_shows_it(
    alice: Client, worked: Tenant, send: Send, event: Any
) -> None:
    known = event.tokens(AT)
    send(worked, [known, known, dict(known, subject="bob")])
    text = read(alice)
    # Seven valid events and a misspelt one of `worked`, and three of one identity.
    assert "Received 11" in plain(text)
    assert "Accepted 8 72.7 % of what was received" in plain(text)
    assert "Duplicates 2 of them 1 with other content" in plain(text)
    assert "Quarantined 1 of them 0 unmetered · 1 waiting now" in plain(text)
    assert "8 accepted + 2 duplicates + 1 quarantined = 11 received" in plain(text)
    [bars] = [f["data"][0]["y"] for f in figures(text).values()]
    assert sum(bars) == 8
    assert "The figures as a table" in text


def test_the_quarantine_stands_by_reason_and_by_event(alice: Client, worked: Tenant) -> None:
    text = plain(read(alice))
    assert "Quarantine: 1 waiting" in text
    assert "data.inputTokens: is not a field of this type" in text
    reason = "data.inputTokens: is not a field of this type"
    assert f"Only what was refused because: {reason}" in plain(
        read(alice, f"{PAGE}?reason={reason}")
    )
    assert "Nothing waits" in plain(read(alice, f"{PAGE}?reason=another"))
    assert "None was dropped" in plain(read(alice, f"{PAGE}?state=dropped"))
    assert "Quarantine: 1 waiting" in plain(read(alice, f"{PAGE}?state=x&after=x"))


def test_an_owner_repairs_what_was_refused(alice: Client, worked: Tenant) -> None:
    entry = waiting(worked)
    url = f"{PAGE}{entry.reference}/"
    assert html.escape('"inputTokens": 5') in read(alice, url)
    again = alice.post(url, {"do": "replay", "event": entry.body})
    assert again.status_code == 400
    assert "It was refused again: data.inputTokens" in plain(again.content.decode())
    done = alice.post(url, {"do": "replay", "event": mended(entry)}, follow=True)
    text = plain(done.content.decode())
    assert "Replayed: 1 stored, 0 there already." in text
    assert "By alice" in text
    assert "Replay it" not in text
    twice = alice.post(url, {"do": "replay", "event": mended(entry)})
    assert twice.status_code == 400
    assert "it was replayed already" in plain(twice.content.decode())
    assert Entries(tenant=worked.pk).count() == 0


def test_an_owner_drops_with_a_reason(alice: Client, worked: Tenant) -> None:
    url = f"{PAGE}{waiting(worked).reference}/"
    assert alice.post(url, {"do": "drop", "reason": " "}).status_code == 400
    text = plain(alice.post(url, {"do": "drop", "reason": "a test"}, follow=True).content.decode())
    assert "Dropped because a test" in text


def test_an_owner_replays_a_reason_as_a_whole(
    alice: Client, worked: Tenant, send: Send, event: Any
) -> None:
    send(worked, [event.tokens(AT, inputTokens=n) for n in range(3)])
    reason = waiting_reason(worked)
    response = alice.post(f"{PAGE}replay/", {"reason": reason}, follow=True)
    assert "0 stored, 0 there already, 4 refused again" in plain(response.content.decode())
    assert alice.post(f"{PAGE}replay/", {}).status_code == 404


def waiting_reason(tenant: Tenant) -> str:
    [reason] = Entries(tenant=tenant.pk).by("detail", 5)
    return reason.name


def test_who_only_looks_may_not_repair(
    alice: Client, bob: Client, staff: Client, worked: Tenant
) -> None:
    entry = waiting(worked)
    url = f"{PAGE}{entry.reference}/"
    for person in (bob, staff):
        text = read(person, f"{url}?tenant=acme")
        assert "Replay it" not in text
        assert "An owner or developer of" in text
        assert "Replay all" not in read(person)
        for fields in ({"do": "drop", "reason": "x"}, {"do": "replay", "event": mended(entry)}):
            assert person.post(url, fields).status_code == 403
        assert person.post(f"{PAGE}replay/", {"reason": "data"}).status_code == 403
    assert waiting(worked).reference == entry.reference
    dora = member("dora", worked, "developer")
    assert "Replay it" in read(dora, f"{url}?tenant=acme")
    operator = logged_in(User.objects.create(username="root", is_staff=True, is_superuser=True))
    assert "Replay it" in read(operator, f"{url}?tenant=acme")
    assert operator.post(url, {"do": "drop", "reason": "x"}).status_code == 302


def test_a_foreign_event_does_not_exist(charlie: Client, worked: Tenant) -> None:
    for reference in (waiting(worked).reference, uuid.uuid4()):
        url = f"{PAGE}{reference}/"
        assert charlie.get(url).status_code == 404
        assert charlie.get(f"{url}bytes/").status_code == 404
        assert charlie.post(url, {"do": "drop", "reason": "x"}).status_code == 404
    charlie.post(f"{PAGE}replay/", {"reason": "data"})
    assert waiting(worked).actor == ""
    assert "inputTokens" not in read(charlie)
    assert charlie.get(f"{PAGE}?tenant=acme").status_code == 404


def test_a_form_from_elsewhere_is_refused(worked: Tenant, alice: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get(username="alice"))
    url = f"{PAGE}{waiting(worked).reference}/"
    assert strict.post(url, {"do": "drop", "reason": "x"}).status_code == 403
    assert waiting(worked)


def test_the_bytes_are_a_download(alice: Client, worked: Tenant) -> None:
    entry = waiting(worked)
    response = alice.get(f"{PAGE}{entry.reference}/bytes/")
    assert response.content == entry.raw
    assert response["Content-Disposition"].startswith("attachment")


HOSTILE = "</script><img src=x onerror=alert(1)>"


def test_what_was_sent_is_shown_and_never_run(
    alice: Client, acme: Tenant, send: Send, event: Any
) -> None:
    send(acme, [event.tokens(AT, id=HOSTILE, **{HOSTILE: 1})])
    reference = waiting(acme).reference
    for address in (PAGE, f"{PAGE}{reference}/"):
        text = read(alice, address)
        assert "<img" not in text
        assert html.escape(HOSTILE) in text


def test_what_does_not_add_up_is_said_with_the_command(alice: Client, worked: Tenant) -> None:
    hour = floor_hour(store_now())
    names = ["tenant", "hour", "commit", "kind", "received"]
    insert("intake", names, [[worked.pk], [hour], [9], ["events"], [3]])
    IngestionAlert.objects.create(tenant=worked, hour=hour, detail="3 are missing")
    text = plain(read(alice))
    assert "Not everything that came is where it should be" in text
    assert "3 accepted, duplicates and quarantined are not as many as were received" in text
    assert "verify_ingestion --tenant acme" in text
    assert "alert" in text
    assert "3 are missing" in text


def test_empty_says_what_to_do_and_an_error_what_still_works(
    alice: Client, acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "create_api_key --tenant acme" in read(alice)
    assert "Nothing was received" in read(alice, f"{PAGE}?month=2026-01")
    assert alice.get(f"{PAGE}?month=2026-13").status_code == 400

    def down(*_: object, **__: object) -> None:
        raise StoreUnavailable("gone")

    monkeypatch.setattr(quarantine_query, "select", down)
    for address in (PAGE, f"{PAGE}{uuid.uuid4()}/"):
        response = alice.get(address)
        assert response.status_code == 503
        assert "Invoices" in response.content.decode()


def test_a_stranger_logs_in_first(client: Client, db: None) -> None:
    assert client.get(PAGE)["Location"] == f"/login/?next={PAGE}"
