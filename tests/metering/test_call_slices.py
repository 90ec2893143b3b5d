"""A period cut into slices: the numbers are those of the whole."""

from collections.abc import Callable
from typing import Any

import pytest

from metering import queries
from metering.clickhouse import call_slices
from metering.clickhouse.scope import Scope
from metering.ingest import Report
from metering.models import Tenant
from metering.usage.meter import parse_meter
from metering.usage.period import Period
from tests.conftest import Events
from tests.metering import oracle
from tests.metering.test_efficiency_numbers import DAY, PERIOD, measured, random_fleet

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
