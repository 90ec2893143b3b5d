"""When a commit may leave its second look out, and when it must not."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.conf import settings

from metering import queries
from metering.clickhouse import commit, connection, moment
from metering.clickhouse.barrier import others_ended
from metering.clickhouse.event_columns import numbered
from metering.models import Tenant
from metering.usage.event import parse_event
from metering.usage.period import month_period
from tests.conftest import Events, encode

OCTOBER = month_period("2026-10", "UTC")
AT = "2026-10-05T12:00:00Z"
# Another writer: commits the events it is given, ten at a time; they are ours as well.
WRITER = """
import sys
import django
django.setup()
import msgspec
from datetime import datetime, UTC
from metering.clickhouse.commit import commit_events
from metering.clickhouse.event_columns import numbered
from metering.usage.event import parse_event
tenant, *raws = msgspec.json.decode(sys.stdin.buffer.read(), type=list[msgspec.Raw])
events = numbered([parse_event(raw, datetime.now(UTC)) for raw in raws])
print("ready", flush=True)
sys.stdin.close()
accepted = 0
for start in range(0, len(events), 10):
    accepted += len(commit_events(int(bytes(tenant)), events[start : start + 10]).accepted)
print(accepted)
"""


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many identities each second look was for."""
    seen: list[int] = []
    several = commit._several

    def counted(tenant: int, identities: list[int]) -> list[int]:
        seen.append(len(identities))
        return several(tenant, identities)

    monkeypatch.setattr(commit, "_several", counted)
    return seen


def stored(tenant: Tenant, events: list[dict[str, Any]]) -> commit.Committed:
    parsed = [parse_event(raw, datetime.now(UTC)) for raw in encode(events)]
    return commit.commit_events(tenant.pk, numbered(parsed))


@pytest.fixture
def settled(tenant: Tenant, event: Events) -> None:
    """A commit of this process a moment ago."""
    stored(tenant, [event.tokens(AT)])


def test_alone_a_process_looks_once(
    settled: None, tenant: Tenant, event: Events, looks: list[int]
) -> None:
    for _ in range(3):
        assert stored(tenant, [event.tokens(AT), event("agent.tool", AT, tool="t")]).accepted == [
            0,
            1,
        ]
    assert looks == []


def test_a_commit_of_another_process_makes_it_look_again(
    settled: None, tenant: Tenant, event: Events, looks: list[int]
) -> None:
    [other] = numbered([parse_event(raw, datetime.now(UTC)) for raw in encode([event.tokens(AT)])])
    commit.insert_events(tenant.pk, 7, [other.event])  # a number that is not ours
    assert stored(tenant, [event.tokens(AT)]).accepted == [0]
    assert looks == [1]


def test_a_commit_of_another_tenant_does_not(
    settled: None,
    tenant: Tenant,
    make_tenant: Callable[[], Tenant],
    event: Events,
    looks: list[int],
) -> None:
    [other] = numbered([parse_event(raw, datetime.now(UTC)) for raw in encode([event.tokens(AT)])])
    commit.insert_events(make_tenant().pk, 7, [other.event])
    assert stored(tenant, [event.tokens(AT)]).accepted == [0]
    assert looks == []


def test_after_a_silence_it_looks_again(
    settled: None,
    tenant: Tenant,
    event: Events,
    looks: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(moment, "_FRESH_SECONDS", 0)
    assert stored(tenant, [event.tokens(AT)]).accepted == [0]
    assert looks == [1]


@pytest.fixture
def slow_insert(tenant: Tenant) -> str:
    """The query of an insert into `events` that takes a second and a half."""
    return (
        "INSERT INTO events (tenant, type, time, source, id, agent)"
        f" SELECT {tenant.pk}, 'custom.x', now64(6), 's', toString(sleep(1.5)), 'ada'"
    )


@pytest.mark.parametrize("whose", ["ours", "another's"])
def test_only_inserts_of_others_are_waited_for(whose: str, slow_insert: str, store: None) -> None:
    name = connection.process_name() if whose == "ours" else "another"

    def write() -> None:
        connection.command(slow_insert, log_comment=name)
        connection.disconnect()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        running = "SELECT count() FROM system.processes WHERE startsWith(query, 'INSERT INTO ev')"
        while connection.select(running) == [(0,)]:
            pass
        assert (others_ended(0) is not None) == (whose == "ours")
        assert others_ended(10) is not None
    finally:
        thread.join(30)


def test_processes_that_race_for_the_same_events_count_each_once(
    tenant: Tenant, event: Events
) -> None:
    events = [event.tokens(AT, id=f"{n}", input_tokens=1) for n in range(400)]
    body = msgspec.json.encode([tenant.pk, *events])
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATA_DIR": str(settings.DATA_DIR),
    }
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER],
            cwd=Path(__file__).parents[2],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(body)
        writer.stdin.close()
    assert all(writer.stdout and writer.stdout.readline() == b"ready\n" for writer in writers)
    own = sum(len(stored(tenant, events[n : n + 10]).accepted) for n in range(0, 400, 10))
    others = [int(writer.stdout.read()) for writer in writers if writer.stdout]
    assert [writer.wait(30) for writer in writers] == [0, 0]
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.close()
    assert own + sum(others) == 400
    assert queries.usage(tenant, OCTOBER)[0].input_tokens == 400
