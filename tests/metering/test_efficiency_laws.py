"""Laws of reuse and waste on arbitrary calls, through the store."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metering import queries
from metering.ingest import ingest
from metering.models import Tenant
from metering.rollups import roll_up
from metering.usage.efficiency import TokenSums, total
from metering.usage.period import Period
from tests.conftest import Events, encode
from tests.metering import oracle
from tests.metering.test_efficiency_numbers import measured

START = datetime(2026, 10, 10, tzinfo=UTC)
PERIOD = Period(START, START + timedelta(hours=60))
WINDOW = timedelta(hours=24)

CALLS = st.lists(
    st.fixed_dictionaries(
        {
            # Many at the same instant, some a window apart to the microsecond.
            "at": st.sampled_from([0, 1, 3600, 86_400, 86_401, 90_000, 180_000]),
            "model": st.sampled_from("mn"),
            "blocks": st.lists(st.sampled_from("abcd"), max_size=5),
            "input": st.integers(0, 60),
            "read": st.integers(0, 60),
            "write": st.integers(0, 20),
            "output": st.integers(0, 30),
            "attempt": st.integers(1, 2),
            "status": st.sampled_from(["succeeded", "failed", "cancelled", ""]),
        }
    ),
    min_size=1,
    max_size=8,
)
LAW = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def events_of(event: Events, calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each call with a task of its own, and the end of that task if it has one."""
    events = []
    for n, call in enumerate(calls):
        at = START + timedelta(seconds=call["at"])
        events.append(
            event.tokens(
                at,
                model=call["model"],
                task=f"t{n}",
                prefix_blocks=call["blocks"],
                block_tokens=10,
                input_tokens=call["input"],
                cache_read_tokens=call["read"],
                cache_write_tokens=call["write"],
                output_tokens=call["output"],
                attempt=call["attempt"],
            )
        )
        if call["status"]:
            events.append(event.task(at, f"t{n}", call["status"]))
    return events


def by_task(tenant: Tenant) -> dict[str, TokenSums]:
    roll_up([tenant])
    return measured(tenant, "task", PERIOD)


@pytest.mark.slow
@LAW
@given(calls=CALLS, data=st.data())
def test_order_resends_and_splitting_change_nothing(
    calls: list[dict[str, Any]], data: st.DataObject, make_tenant: Callable[..., Tenant]
) -> None:
    events = events_of(Events(), calls)
    whole, parts = make_tenant(), make_tenant()
    ingest(whole, encode(events))
    shuffled = data.draw(st.permutations(events + events))
    cut = data.draw(st.integers(0, len(shuffled)))
    ingest(parts, encode(shuffled[:cut]))
    roll_up([parts])
    ingest(parts, encode(shuffled[cut:]))
    expected = oracle.sums(events, PERIOD, lambda call: str(call["data"]["task"]), WINDOW)
    assert by_task(whole) == by_task(parts) == expected
    # Straight from the events, as invoices are counted, it is the same.
    now = queries.store_now(parts)
    assert measured(parts, "task", PERIOD, now) == expected


@LAW
@given(calls=CALLS)
def test_repeated_stays_within_reusable_and_waste_within_the_total(
    calls: list[dict[str, Any]], make_tenant: Callable[..., Tenant]
) -> None:
    tenant = make_tenant()
    ingest(tenant, encode(events_of(Events(), calls)))
    found = by_task(tenant)
    for sums in found.values():
        assert 0 <= sums.reusable_tokens <= sums.prompt_tokens
        assert sums.repeated_tokens <= sums.reusable_tokens
        # What was read and what was computed again cover what could be reused, and no more of it.
        covered = sums.repeated_tokens + min(sums.cache_read_tokens, sums.reusable_tokens)
        assert covered == sums.reusable_tokens
        assert sums.repeated_tokens + sums.cache_read_tokens <= sums.prompt_tokens
        wasted = sums.repeated_tokens + sums.failed_tokens + sums.retried_tokens
        assert 0 <= wasted <= sums.total_tokens
        assert sums.effective_tokens + wasted == sums.total_tokens
    assert total(found.values()) == total(measured(tenant, "model", PERIOD).values())
