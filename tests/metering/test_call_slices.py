"""A period cut into slices: the numbers are those of the whole."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from metering import queries
from metering.clickhouse import call_slices
from metering.clickhouse.calls_query import CALL_COLUMNS, calls_sql, unshared_calls_sql
from metering.clickhouse.connection import select
from metering.clickhouse.scope import Scope
from metering.ingest import Report
from metering.models import Tenant
from metering.rollups import roll_up
from metering.usage.meter import parse_meter
from metering.usage.period import Period
from tests.conftest import Events
from tests.metering import oracle
from tests.metering.test_efficiency_numbers import DAY, PERIOD, measured, random_fleet
from tests.metering.test_identity import at_once

Send = Callable[[Tenant, list[dict[str, Any]]], Report]
Roll = Callable[[Tenant], int]


@pytest.mark.parametrize("most", [9, 60])
def test_slices_of_any_size_change_nothing(
    most: int,
    tenant: Tenant,
    event: Events,
    send: Send,
    roll: Roll,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of some 500 blocks in two days: a few at once, and many."""
    monkeypatch.setattr(call_slices, "MOST_BLOCKS", most)
    events = random_fleet(event, 6)
    send(tenant, events)
    roll(tenant)
    scope = Scope(tenant=tenant.pk, period=PERIOD, types=("agent.tokens",))
    parts = list(call_slices.call_slices(scope))
    assert len(parts) > 5
    assert [part.end for part in parts[:-1]] == [part.start for part in parts[1:]]
    assert Period(parts[0].start, parts[-1].end) == PERIOD
    expected = oracle.sums(events, PERIOD, lambda call: str(call["data"]["model"]), DAY)
    assert measured(tenant, "model") == expected
    assert measured(tenant, "model", received_before=queries.store_now(tenant)) == expected
    meter = parse_meter({"metric": "effective_tokens"})
    [found] = queries.meter_quantities(tenant, meter, PERIOD)
    assert found.quantity == sum(sums.effective_tokens for sums in expected.values())


def test_calls_without_a_block_are_those_of_the_whole_query(
    tenant: Tenant, event: Events, send: Send
) -> None:
    """Whoever sends no prefix blocks is spared looking for them in the calls before."""
    labels = {"team": "a"}
    for hour, agent in enumerate(("ada", "bob", "ada")):
        call = event.tokens(f"2026-10-10T{hour + 8:02}:00:00Z", agent=agent, input_tokens=7)
        send(tenant, [call | {"data": call["data"] | {"labels": labels}}])
    scope = Scope(tenant=tenant.pk, period=PERIOD, types=("agent.tokens",))
    assert list(call_slices.slices_and_blocks(scope)) == [(PERIOD, 0)]
    columns = f"{', '.join(CALL_COLUMNS)}, prompt, reusable_tokens, toTypeName(reusable_tokens)"
    spared, whole = (
        select(f"SELECT {columns} FROM ({sql}) ORDER BY time", bound)
        for sql, bound in (unshared_calls_sql(scope), calls_sql(scope, DAY))
    )
    assert spared == whole
    assert len(spared) == 3
    send(tenant, [event.tokens("2026-10-10T09:00:00Z", prefix_blocks=["x"], block_tokens=4)])
    assert list(call_slices.slices_and_blocks(scope)) == [(PERIOD, 1)]


KILLED_IN_THE_THIRD = """
import os, signal, sys
import django
django.setup()
from metering.clickhouse import call_slices, rollup
from metering.models import Tenant
from metering.rollups import roll_up
from metering.rollups import roll_up
call_slices.MOST_BLOCKS = 20
write, written = rollup._write, []
def dies(table, *rest):
    written.append(table)
    if written == ["rollup_calls"] * 3:
        os.kill(os.getpid(), signal.SIGKILL)
    write(table, *rest)
rollup._write = dies
roll_up([Tenant(pk=int(sys.argv[1]), slug="same", timezone="UTC")])
"""


def test_a_run_killed_between_two_slices_is_not_seen_and_done_again(
    tenant: Tenant, event: Events, send: Send, roll: Roll, tmp_path: Path
) -> None:
    """kill -9 of a process of its own: part of a generation is written and never named."""
    events = random_fleet(event, 7)
    send(tenant, events[:100])
    roll(tenant)
    before = measured(tenant, "model")
    send(tenant, events[100:])
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_IN_THE_THIRD, str(tenant.pk)],
        cwd=settings.BASE_DIR,
        env=os.environ
        | {
            "DATA_DIR": str(settings.DATA_DIR),
            "DATABASE_URL": f"sqlite:///{tmp_path / 'own.sqlite3'}",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        },
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert measured(tenant, "model") == before
    at_once([lambda: roll_up([tenant])] * 2)
    expected = oracle.sums(events, PERIOD, lambda call: str(call["data"]["model"]), DAY)
    assert measured(tenant, "model") == expected != before
