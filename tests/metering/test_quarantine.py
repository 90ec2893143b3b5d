"""What was refused: listed, counted, downloaded, repaired and replayed, dropped; never deleted."""

import io
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from metering import intake_api, queries, reconciliation
from metering import quarantine as service
from metering.api_keys import create_api_key
from metering.clickhouse.connection import insert
from metering.clickhouse.quarantine_query import Entries, Quarantined
from metering.ingest import Report, ingest
from metering.models import ApiKey, Tenant
from metering.usage.period import month_period
from tests.conftest import Events, encode
from tests.metering.test_intake import counts
from tests.metering.test_otlp_kills import Killed, killed

AT = "2026-10-05T12:00:00Z"
OCTOBER = month_period("2026-10", "UTC")
URL = "/api/v1/quarantine"
JSON = "application/json"

Send = Callable[[Tenant, list[dict[str, Any]]], Report]
Api = Callable[[Tenant], Client]


@pytest.fixture(autouse=True)
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciliation, "GRACE", timedelta(0))


@pytest.fixture
def bad(event: Events) -> dict[str, Any]:
    """A misspelt field."""
    return event.tokens(AT, id="bad", inputTokens=7)


def repaired(bad: dict[str, Any]) -> bytes:
    return encode([bad | {"data": {"model": "m", "input_tokens": 7}}])[0]


def only(tenant: Tenant) -> Quarantined:
    [entry] = Entries(tenant=tenant.pk, state="").page(10)
    return entry


def input_tokens(tenant: Tenant) -> int:
    return queries.usage(tenant, OCTOBER)[0].input_tokens


def test_a_repaired_event_counts_once_and_its_entry_is_marked(
    tenant: Tenant, bad: dict[str, Any], send: Send, api: Api
) -> None:
    send(tenant, [bad])
    client = api(tenant)
    url = f"{URL}/{only(tenant).reference}/replay"
    answer = client.post(url, repaired(bad), content_type=JSON)
    assert (answer.status_code, answer.json()) == (
        200,
        {"accepted": 1, "duplicates": 0, "conflicts": 0, "rejected": []},
    )
    assert input_tokens(tenant) == 7
    again = client.post(url, repaired(bad), content_type=JSON)
    assert (again.status_code, again["Content-Type"]) == (409, "application/problem+json")
    assert input_tokens(tenant) == 7
    assert client.get(URL).json()["rows"] == []
    [row] = client.get(f"{URL}?state=replayed").json()["rows"]
    assert (row["id"], row["body"]) == ("bad", encode([bad])[0].decode())
    assert row["repaired"] == repaired(bad).decode()
    assert row["actor"].startswith("API key ")
    # Received twice: once refused, once out of the quarantine.
    assert counts(tenant) == (2, 1, 0, 1)


def test_what_is_still_wrong_stays_with_the_new_reason_and_the_attempt(
    tenant: Tenant, bad: dict[str, Any], send: Send, api: Api
) -> None:
    send(tenant, [bad])
    client, reference = api(tenant), only(tenant).reference
    worse = encode([bad | {"data": {"input_tokens": 7}}])[0]
    answer = client.post(f"{URL}/{reference}/replay", worse, content_type=JSON)
    assert answer.status_code == 400
    assert "data.model" in answer.json()["detail"]
    [row] = client.get(URL).json()["rows"]
    assert row["detail"].startswith("data.model")
    assert row["repaired"] == worse.decode()
    assert row["body"] == encode([bad])[0].decode()
    assert counts(tenant) == (1, 0, 0, 1)
    # As it is, which is refused for what was last wrong.
    assert client.post(f"{URL}/{reference}/replay").status_code == 400
    assert client.post(f"{URL}/{reference}/replay", b"\xff{", content_type=JSON).status_code == 400
    client.post(f"{URL}/{reference}/replay", repaired(bad), content_type=JSON)
    assert input_tokens(tenant) == 7


def test_a_drop_keeps_the_entry_and_its_reason(
    tenant: Tenant, bad: dict[str, Any], send: Send, api: Api
) -> None:
    send(tenant, [bad])
    client, url = api(tenant), f"{URL}/{only(tenant).reference}"
    assert client.delete(url).status_code == 400
    assert client.delete(url, {"reason": "a test"}, content_type=JSON).status_code == 204
    assert client.delete(f"{url}?reason=again").status_code == 409
    assert client.post(f"{url}/replay").status_code == 409
    entry = client.get(url).json()
    assert (entry["state"], entry["note"]) == ("dropped", "a test")
    assert entry["detail"].startswith("data.inputTokens")
    send(tenant, [bad])
    assert client.get(URL).json()["rows"] == [], "what was dropped once stays so"
    assert counts(tenant) == (2, 0, 0, 2)


def test_the_bytes_come_back_as_they_came(tenant: Tenant, api: Api) -> None:
    raw = b'{"id": "\xff\xfe", "source": "x"}\r\n'
    ingest(tenant, [raw])
    answer = api(tenant).get(f"{URL}/{only(tenant).reference}/body")
    assert (answer.status_code, answer.content) == (200, raw)
    assert answer["Content-Disposition"].startswith("attachment")


def test_a_foreign_entry_is_404_everywhere(
    make_tenant: Callable[..., Tenant], bad: dict[str, Any], send: Send, api: Api
) -> None:
    alice, bob = make_tenant(), make_tenant()
    send(alice, [bad])
    client, reference = api(bob), only(alice).reference
    for unknown in (reference, uuid.uuid4()):
        url = f"{URL}/{unknown}"
        answers = [
            client.get(url),
            client.get(f"{url}/body"),
            client.delete(f"{url}?reason=x"),
            client.post(f"{url}/replay", repaired(bad), content_type=JSON),
        ]
        assert [answer.status_code for answer in answers] == [404] * 4
    assert only(alice).state == "waiting"
    assert client.post(f"{URL}/replay?all=true").json()["accepted"] == 0
    with pytest.raises(CommandError, match="there is no entry"):
        call_command("quarantine", "drop", str(reference), "--tenant", bob.slug, "--reason", "x")
    assert only(alice).state == "waiting"


def test_reading_and_changing_are_two_scopes(
    tenant: Tenant, bad: dict[str, Any], send: Send
) -> None:
    send(tenant, [bad])
    url = f"{URL}/{only(tenant).reference}"
    reader, writer = (
        Client(headers={"Authorization": f"Bearer {create_api_key(tenant, [scope])}"})
        for scope in (ApiKey.READ, ApiKey.INGEST)
    )
    assert (reader.get(url).status_code, writer.get(url).status_code) == (200, 403)
    assert reader.delete(f"{url}?reason=x").status_code == 403
    assert reader.post(f"{url}/replay").status_code == 403
    assert reader.post(f"{URL}/replay?all=true").status_code == 403
    assert Client().post(f"{url}/replay").status_code == 401
    assert writer.delete(f"{url}?reason=x").status_code == 204


def test_filters_and_counts_tell_unmetered_apart(
    tenant: Tenant, bad: dict[str, Any], send: Send, api: Api, event: Events
) -> None:
    client = api(tenant)
    send(tenant, [bad, event.tokens(AT, inputTokens=1), event.tokens(AT, source="b", x=1)])
    failed = [{"id": "1", "status": "failure", "model": "m"}]
    client.post("/api/v1/litellm", json.dumps(failed), content_type=JSON)

    def found(query: str) -> int:
        return len(client.get(f"{URL}?{query}").json()["rows"])

    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat().replace("+00:00", "Z")
    assert found("") == 4
    assert (found("unmetered=true"), found("unmetered=false")) == (1, 3)
    assert (found("detail=data.inputTokens"), found("detail=Tokens")) == (2, 0)
    assert (found("source=b"), found("source=litellm"), found("source=%27")) == (1, 1, 0)
    assert (found("received_from=2026-01-01"), found(f"received_from={tomorrow}")) == (4, 0)
    assert (found(f"received_to={tomorrow}"), found("received_to=2026-01-01")) == (4, 0)
    assert client.get(f"{URL}?received_to=soon").status_code == 400
    assert client.get(f"{URL}?state=lost").status_code == 400
    rows = client.get(f"{URL}?group_by=detail").json()["rows"]
    assert [(row["events"], row["unmetered"]) for row in rows] == [(2, 0), (1, 0), (1, 1)]
    assert rows[0]["detail"].startswith("data.inputTokens")
    rows = client.get(f"{URL}?group_by=source").json()["rows"]
    assert {row["source"]: row["events"] for row in rows} == {"test": 2, "b": 1, "litellm": 1}


def test_a_page_keeps_what_was_asked_for(
    tenant: Tenant, api: Api, send: Send, event: Events
) -> None:
    send(tenant, [event.tokens(AT, x=n) for n in range(101)])
    send(tenant, [event.tokens(AT, y=1)])
    first = api(tenant).get(f"{URL}?detail=data.x").json()
    second = api(tenant).get(first["next"]).json()
    assert (len(first["rows"]), len(second["rows"]), second["next"]) == (100, 1, None)


@pytest.fixture
def early(event: Events) -> Callable[[Tenant], dict[str, Any]]:
    """An event that was refused for being ahead of the clock, days ago."""

    def keep(tenant: Tenant, **more: Any) -> dict[str, Any]:
        body = event.tokens(AT, input_tokens=3) | more
        raw = encode([body])[0]
        names = ["tenant", "reference", "received_at", "detail", "body"]
        at = datetime(2026, 10, 5, 10, tzinfo=UTC)
        detail = "time: is more than an hour ahead of the clock"
        values = [tenant.pk, uuid.uuid5(uuid.NAMESPACE_OID, raw.decode()), at, detail, raw]
        insert("quarantine", names, [[value] for value in values])
        return body

    return keep


def test_after_a_fix_everything_for_a_reason_is_replayed(
    tenant: Tenant, early: Any, bad: dict[str, Any], send: Send, api: Api
) -> None:
    for _ in range(3):
        early(tenant)
    send(tenant, [bad])
    assert api(tenant).post(f"{URL}/replay").status_code == 400
    answer = api(tenant).post(f"{URL}/replay?detail=time:").json()
    assert answer == {"accepted": 3, "duplicates": 0, "conflicts": 0, "rejected": []}
    assert input_tokens(tenant) == 9
    rest = api(tenant).post(f"{URL}/replay?all=true").json()
    assert [row["reference"] for row in rest["rejected"]] == [
        str(queries.quarantined(tenant, 9)[0].reference)
    ]


def test_an_event_without_a_time_happened_when_it_was_received(tenant: Tenant, early: Any) -> None:
    early(tenant, time=None)
    service.replay(tenant, only(tenant), "somebody")
    days = queries.usage(tenant, OCTOBER, ("day",))
    assert [(row.group["day"], row.input_tokens) for row in days] == [("2026-10-05", 3)]


def test_what_a_collector_set_aside_goes_through_it_again(tenant: Tenant, api: Api) -> None:
    call = {"id": "1", "model": "m", "endTime": 1e99, "prompt_tokens": 5, "completion_tokens": 2}
    api(tenant).post("/api/v1/litellm", json.dumps([call]), content_type=JSON)
    entry = only(tenant)
    assert entry.detail.startswith("endTime")
    mended = entry.raw.replace(b"1E+99", b"1791201600").replace(b"1e+99", b"1791201600")
    outcome = service.replay(tenant, entry, "somebody", mended)
    assert (outcome.accepted, outcome.still_waiting) == (1, [])
    assert input_tokens(tenant) == 5


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["ingest", "act"])
def test_a_replay_that_is_killed_can_be_repeated(
    step: str,
    when: str,
    tenant: Tenant,
    bad: dict[str, Any],
    send: Send,
    roll: Callable[[Tenant], int],
) -> None:
    send(tenant, [bad])
    with pytest.raises(Killed), killed(service, step, when):
        service.replay(tenant, only(tenant), "somebody", repaired(bad))
    if only(tenant).state == "waiting":
        service.replay(tenant, only(tenant), "somebody", repaired(bad))
    roll(tenant)
    assert only(tenant).state == "replayed"
    assert input_tokens(tenant) == 7
    received, accepted, duplicates, quarantined = counts(tenant)
    assert (accepted, quarantined) == (1, 1)
    assert received == 2 + duplicates


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_the_command_lists_shows_replays_and_drops(
    tenant: Tenant, bad: dict[str, Any], send: Send, event: Events, tmp_path: Path, early: Any
) -> None:
    early(tenant)
    send(tenant, [bad, event.tokens(AT, x=1), event.tokens(AT, x=2)])
    of = ("--tenant", tenant.slug)
    assert run("quarantine", "list", *of).endswith("4 in all\n")
    assert "2  data.x" in run("quarantine", "list", *of, "--by", "detail")
    entry = Entries(tenant=tenant.pk, detail="data.inputTokens").page(1)[0]
    reference = str(entry.reference)
    assert "detail: data.inputTokens" in run("quarantine", "show", reference, *of)
    file = tmp_path / "event.json"
    run("quarantine", "show", reference, *of, "--out", str(file))
    assert file.read_bytes() == encode([bad])[0]
    with pytest.raises(CommandError, match=r"refused again.*inputTokens"):
        run("quarantine", "replay", reference, *of)
    file.write_bytes(repaired(bad))
    assert "1 stored" in run("quarantine", "replay", reference, *of, "--body", str(file))
    with pytest.raises(CommandError, match="replayed already"):
        run("quarantine", "replay", reference, *of)
    with pytest.raises(CommandError, match="name an entry"):
        run("quarantine", "drop", *of, "--reason", "x")
    assert (
        run("quarantine", "drop", *of, "--reason", "noise", "--detail", "data.x") == "2 dropped\n"
    )
    assert "1 stored" in run("quarantine", "replay", *of, "--all")
    assert run("quarantine", "list", *of) == "0 in all\n"
    assert run("quarantine", "list", *of, "--state", "all").endswith("4 in all\n")


def test_the_check_says_what_it_found_and_exits_so(
    tenant: Tenant, event: Events, send: Send
) -> None:
    send(tenant, [event.tokens(AT), event.tokens(AT, x=1)])
    said = run("verify_ingestion", "--tenant", tenant.slug)
    assert "all adds up" in said
    names = ["tenant", "commit", "kind", "received", "duplicates"]
    insert("intake", names, [[tenant.pk], [9], ["events"], [4], [1]])
    with pytest.raises(CommandError, match="1 hour does not add up") as caught:
        run("verify_ingestion", "--tenant", tenant.slug)
    assert caught.value.returncode == 1
    with pytest.raises(CommandError, match="--from"):
        run("verify_ingestion", "--tenant", tenant.slug, "--from", "soon")


def test_the_hours_by_api(
    tenant: Tenant, event: Events, send: Send, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(tenant, [event.tokens(AT), event.tokens(AT, x=1)])
    [row] = api(tenant).get("/api/v1/ingestion").json()["rows"]
    hour = row.pop("hour")
    assert hour.endswith(":00:00Z")
    assert row == {
        "received": 2,
        "accepted": 1,
        "duplicates": 0,
        "conflicts": 0,
        "quarantined": 1,
        "unmetered": 0,
        "replayed": 0,
        "recovered": 0,
        "adds_up": True,
        "faults": [],
    }
    names = ["tenant", "commit", "kind", "received"]
    insert("intake", names, [[tenant.pk], [9], ["events"], [4]])
    [row] = api(tenant).get("/api/v1/ingestion").json()["rows"]
    assert (row["adds_up"], row["faults"][0]["events"]) == (False, 4)
    long = "/api/v1/ingestion?from=2026-01-01&to=2027-01-31"
    assert api(tenant).get(long).json() == {"rows": [row], "next": None}
    insert("intake", ["tenant", "hour"], [[tenant.pk], [datetime(2026, 10, 5, 12, tzinfo=UTC)]])
    monkeypatch.setattr(intake_api, "PAGE", 1)
    first = api(tenant).get(long).json()
    assert [row["hour"] for row in first["rows"]] == ["2026-10-05T12:00:00Z"]
    assert api(tenant).get(first["next"]).json() == {"rows": [row], "next": None}
    assert api(tenant).get("/api/v1/ingestion?after=x").status_code == 400
