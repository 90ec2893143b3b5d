"""What holds of every burst contract's amount, and of the search for the least-cost baseline."""

from datetime import timedelta
from decimal import Decimal, localcontext
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.contracts import prices, quantities, rated
from billing.rating.burst_cost import VariableCost
from billing.rating.burst_search import default_step, least_cost
from billing.rating.money import EXACT
from billing.terms import ContractTerms
from metering.usage.burst import measure
from metering.usage.burst_curve import BurstCurve
from metering.usage.burst_level import ChipInterval
from metering.usage.burst_terms import BurstTerms
from metering.usage.period import Period
from tests.metering.usage.burst_oracle import seconds_from_epoch
from tests.metering.usage.burst_strategies import MINUTE, OPENING, intervals, terms

PERIOD = seconds_from_epoch("0", str(3 * 3600))
ROWS = intervals(MINUTE, 180)
TERMS = terms(MINUTE)
PRICE = st.sampled_from(["0", "0.0003", "0.0006", "0.02", "1"])
FACTOR = PRICE.map(Decimal)


@st.composite
def contracts(draw: st.DrawFn) -> ContractTerms:
    """Prices that rise, fall or are nothing from tier to tier, with and without flat amounts."""
    drawn: BurstTerms = draw(TERMS)
    bounds = sorted(draw(st.sets(st.sampled_from([1, 60, 3600, 50_000]), max_size=2)))
    tiers = [
        {"up_to": bound, "unit_amount": draw(PRICE), "flat_amount": draw(PRICE)}
        for bound in [*map(str, bounds), None]
    ]
    return ContractTerms(
        chip="h20",
        start=PERIOD.start,
        end=None,
        baseline=drawn.baseline,
        baseline_price=draw(FACTOR),
        on_demand_price=draw(FACTOR),
        burst_tiers=tiers,
        idle_factor=draw(FACTOR),
        granularity_ms=drawn.granularity_ms,
        minimum_ms=drawn.minimum_ms,
        cold_start_fee=draw(FACTOR),
        credit_accrual=drawn.credit_accrual,
        credit_cap=drawn.credit_cap,
    )


def amount(
    rows: list[ChipInterval],
    contract: ContractTerms,
    opening: Decimal = Decimal(0),
    period: Period = PERIOD,
) -> Decimal:
    usage = measure(rows, quantities(contract), period, opening)
    return rated(contract, period, usage).amount


def changed(contract: ContractTerms, **fields: Any) -> ContractTerms:
    return msgspec.structs.replace(contract, **fields)


@given(ROWS, ROWS, contracts(), OPENING)
def test_more_work_never_costs_less(
    rows: list[ChipInterval], more: list[ChipInterval], contract: ContractTerms, opening: Decimal
) -> None:
    assert amount(rows, contract, opening) <= amount(rows + more, contract, opening)


DEARER = ("baseline_price", "on_demand_price", "idle_factor", "cold_start_fee")


@given(ROWS, contracts(), st.sampled_from(DEARER), st.integers(0, 2))
def test_a_higher_price_never_costs_less(
    rows: list[ChipInterval], contract: ContractTerms, name: str, tier: int
) -> None:
    before = amount(rows, contract)
    assert before <= amount(rows, changed(contract, **{name: getattr(contract, name) + 1}))
    tiers = [dict(one) for one in contract.burst_tiers]
    tiers[tier % len(tiers)]["unit_amount"] = "2"
    assert before <= amount(rows, changed(contract, burst_tiers=tiers))


@given(ROWS, contracts(), st.sampled_from(["credit_accrual", "credit_cap"]), OPENING)
def test_better_credits_never_cost_more(
    rows: list[ChipInterval], contract: ContractTerms, name: str, opening: Decimal
) -> None:
    better = changed(contract, **{name: getattr(contract, name) + 1})
    assert amount(rows, better, opening) <= amount(rows, contract, opening)


@given(ROWS, contracts(), st.randoms())
def test_the_order_of_intervals_changes_no_amount(
    rows: list[ChipInterval], contract: ContractTerms, random: Any
) -> None:
    assert amount(random.sample(rows, len(rows)), contract) == amount(rows, contract)


@given(ROWS, contracts(), st.integers(1, 179))
def test_two_periods_of_one_price_with_credits_handed_on_cost_what_one_does(
    rows: list[ChipInterval], contract: ContractTerms, minute: int
) -> None:
    # Tiers begin anew with each period, so only a single price adds up.
    contract = changed(contract, burst_tiers=[{"up_to": None, "unit_amount": "0.02"}])
    middle = PERIOD.start + timedelta(minutes=minute)
    first, second = Period(PERIOD.start, middle), Period(middle, PERIOD.end)
    left = measure(rows, quantities(contract), first).closing_credits
    parts = amount(rows, contract, period=first), amount(rows, contract, left, second)
    assert EXACT.add(*parts) == amount(rows, contract)


@given(contracts())
def test_a_tenant_without_work_pays_the_baseline_only(contract: ContractTerms) -> None:
    with localcontext(EXACT):
        assert amount([], contract) == contract.baseline * 10800 * contract.baseline_price


@settings(deadline=None)
@given(ROWS, contracts(), OPENING, st.sampled_from(["0.5", "1", "3"]), st.integers(1, 7))
def test_the_least_cost_baseline_is_the_cheapest_of_all_there_are(
    rows: list[ChipInterval], contract: ContractTerms, opening: Decimal, step: str, finer: int
) -> None:
    # A hundred chips are not ten thousand, but are tried one by one.
    rows = [row._replace(units=min(row.units, 5 * 10**18)) for row in rows]
    usage = measure(rows, quantities(contract), PERIOD)
    curve = BurstCurve(usage.level, quantities(contract), opening)
    cost = VariableCost(curve, prices(contract), PERIOD.seconds)
    least = least_cost(cost, usage.peak, Decimal(step))

    def whole(baseline: Decimal) -> Decimal:
        return amount(rows, changed(contract, baseline=baseline), opening)

    fixed = EXACT.subtract(whole(Decimal(0)), cost.at(Decimal(0)))
    everything = [Decimal(step) * n for n in range(int(usage.peak / Decimal(step)) + 3)]
    costs = [(EXACT.subtract(whole(baseline), fixed), baseline) for baseline in everything]
    assert (least.variable, least.baseline) == min(costs)
    between = [baseline + Decimal(step) * finer / 8 for baseline in everything]
    assert all(least.at_least <= EXACT.subtract(whole(baseline), fixed) for baseline in between)
    assert least.at_least <= least.variable


@given(st.decimals("0.000001", "100000", places=6))
def test_a_step_is_the_lowest_power_of_ten_that_is_coarse_enough(peak: Decimal) -> None:
    step = default_step(peak)
    assert step.normalize().as_tuple().digits == (1,)
    assert peak <= 1000 * step < 10 * peak
