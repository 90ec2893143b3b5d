"""Rating by sums of events is rating of the events, for every charge that prices each."""

from collections.abc import Mapping
from decimal import Decimal, localcontext

from hypothesis import assume, given
from hypothesis import strategies as st

from billing.rating.charge import parse_charge
from billing.rating.each_event import each_event, fold_events
from billing.rating.money import EXACT
from billing.rating.rate import Rated, rate, rate_sums, rate_windows
from billing.rating.units import EventSums, UsageToRate
from tests.billing.rating import strategies as some
from tests.billing.rating.examples import rated

CUT = Decimal("1E-50")  # thirds of a unit are cut at sixty decimals
bases = st.lists(st.decimals(0, 10**4, places=2), max_size=5)


@st.composite
def percentages(draw: st.DrawFn) -> some.Charge:
    """Any of the amounts per event, with a maximum that is not below the minimum."""
    least, more = draw(st.decimals(0, 50, places=2)), draw(st.decimals(0, 50, places=2))
    per_event = {
        "fixed_amount_per_event": draw(st.decimals(0, 5, places=2).map(str)),
        "minimum_amount_per_event": str(least),
        "maximum_amount_per_event": str(least + more),
    }
    names = draw(st.sets(st.sampled_from(sorted(per_event)), min_size=1))
    rate_percent = draw(st.decimals(0, 20, places=2).map(str))
    chosen = {name: per_event[name] for name in names}
    return {"model": "percentage", "rate_percent": rate_percent, **chosen}


dynamic: st.SearchStrategy[some.Charge] = st.just({"model": "dynamic"})


def one_by_one(charge: some.Charge, events: list[Decimal]) -> Rated:
    usage = UsageToRate(sum(events, Decimal(0)), events=tuple(events))
    return rate(parse_charge(charge), usage)


@given(some.adjusted(st.one_of(percentages(), dynamic)), bases)
def test_sums_of_events_cost_what_the_events_cost(
    charge: some.Charge, events: list[Decimal]
) -> None:
    parsed = parse_charge(charge)
    each = each_event(parsed)
    assume(each is not None)
    assert each is not None
    by_sums = rate_sums(parsed, fold_events(parsed, each, iter(events)))
    apart = one_by_one(charge, events)
    with localcontext(EXACT):
        assert abs(by_sums.amount - apart.amount) < CUT
        assert [line.key for line in by_sums.lines] == [line.key for line in apart.lines]
        for ours, theirs in zip(by_sums.lines, apart.lines, strict=True):
            assert abs(ours.amount - theirs.amount) < CUT
            assert abs(ours.quantity - theirs.quantity) < CUT


@given(percentages(), bases, bases)
def test_events_in_two_parts_cost_what_all_of_them_cost(
    charge: some.Charge, first: list[Decimal], second: list[Decimal]
) -> None:
    parts = [one_by_one(charge, events) for events in (first, second)]
    whole = one_by_one(charge, first + second)
    assert EXACT.add(parts[0].amount, parts[1].amount) == whole.amount


@given(percentages(), bases, st.decimals(0, 100, places=2))
def test_one_more_event_never_costs_less(
    charge: some.Charge, events: list[Decimal], more: Decimal
) -> None:
    after = [*events, more]
    assert one_by_one(charge, after).amount >= one_by_one(charge, events).amount


@given(some.adjusted(some.any_model), st.lists(some.quantities, min_size=1, max_size=8))
def test_windows_added_up_cost_what_buckets_cost(
    charge: some.Charge, windows: list[Decimal]
) -> None:
    parsed = parse_charge(charge)
    merged = rate_windows(parsed, windows)
    apart = rate(parsed, UsageToRate(buckets=tuple(windows)))
    with localcontext(EXACT):
        assert abs(merged.amount - apart.amount) < CUT
        assert sum((line.amount for line in merged.lines), Decimal(0)) == merged.amount
    assert len({line.key for line in merged.lines}) == len(merged.lines)
    assert {line.key for line in merged.lines} == {
        line.key.split("-", 2)[2] for line in apart.lines
    }


VOLUME: Mapping[str, object] = {
    "model": "volume",
    "tiers": [{"up_to": "10", "unit_amount": "2"}, {"up_to": None, "unit_amount": "1"}],
}


def test_volume_is_the_exception() -> None:
    # Eleven at 1 cost less than ten at 2; ten and one at 2 each cost twice what eleven cost.
    assert [rated(VOLUME, quantity).amount for quantity in (10, 11)] == [20, 11]
    assert rated(VOLUME, 10).amount + rated(VOLUME, 1).amount == 22
    # What was added to what was rated before still comes to the whole: it gives 9 back.
    assert rated(VOLUME, 1, 10).amount == -9


def test_no_event_costs_nothing() -> None:
    charge = parse_charge(
        {"model": "percentage", "rate_percent": "1", "minimum_amount_per_event": "5"}
    )
    assert rate_sums(charge, EventSums()).lines == ()
