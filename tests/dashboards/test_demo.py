"""The demonstration's events are the product's own, and the same every time."""

from datetime import UTC, date, datetime

import pytest

from billing.configuration_schema import read_document
from dashboards.demo.fill import CONFIGURATION
from dashboards.demo.fleet import Fleet
from dashboards.demo.tenants import FLEETS
from metering.usage.event import parse_event

# A whole month and more, so that every burst is in it.
FIRST, UNTIL = date(2026, 10, 1), datetime(2026, 11, 4, 12, tzinfo=UTC)
fleets = pytest.mark.parametrize("fleet", FLEETS, ids=lambda fleet: fleet.tenant)


@fleets
def test_every_event_is_valid_has_an_id_of_its_own_and_lies_in_the_past(fleet: Fleet) -> None:
    events = [parse_event(body, UNTIL) for body in fleet.events(FIRST, UNTIL)]
    assert len({event.id for event in events}) == len(events) > 0
    assert max(event.time for event in events) < UNTIL


@fleets
def test_the_same_days_have_the_same_events(fleet: Fleet) -> None:
    events = list(fleet.events(FIRST, UNTIL))
    assert events == list(fleet.events(FIRST, UNTIL))
    later = list(fleet.events(FIRST, datetime(2026, 11, 5, tzinfo=UTC)))
    assert set(events) <= set(later), "what was there stays as it was when time goes on"


@fleets
def test_whatever_a_fleet_uses_has_a_price(fleet: Fleet) -> None:
    document = read_document(CONFIGURATION)
    priced = {
        getattr(price, name)
        for price in document.prices
        for name in ("model", "chip", "tool")
        if hasattr(price, name)
    }
    used = {name for agent in fleet.agents for name in (agent.model, agent.chip, agent.tool)}
    assert used - {""} <= priced
    assert {chip for chip, _, _ in fleet.bursts.values()} <= priced
