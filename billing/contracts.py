"""Burst contracts put to a tenant's chips: what was measured, and what it costs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from billing.burst_balances import Balances, KeptBalances
from billing.rating import burst as rating
from billing.rating.burst import BurstPrices, RatedBurst, rate_burst
from billing.rating.fields import Fields
from billing.rating.money import ZERO
from billing.rating.tiers import parse_tiers
from billing.terms import ContractTerms
from metering import queries
from metering.models import Tenant
from metering.usage.burst import credits_after, measure
from metering.usage.burst_level import ChipInterval
from metering.usage.burst_terms import BurstTerms
from metering.usage.burst_usage import BurstUsage
from metering.usage.period import Period, local_months


@dataclass(frozen=True, slots=True)
class MeasuredBurst:
    """A contract over a part of a period: what was measured and what it comes to."""

    contract: ContractTerms
    period: Period
    usage: BurstUsage
    rated: RatedBurst
    opening_credits: Decimal = ZERO


def measure_contract(
    tenant: Tenant,
    contract: ContractTerms,
    period: Period,
    received_before: datetime | None = None,
    balances: Balances | None = None,
) -> MeasuredBurst:
    """Measure and rate a contract over a period in which it is in force throughout."""
    terms = quantities(contract)
    balances = balances or KeptBalances()
    opening = _opening_credits(tenant, contract, period.start, received_before, balances)
    usage = measured(tenant, contract.chip, terms, period, received_before, opening)
    if terms.saves:
        balance = (period.end, usage.closing_credits)
        balances.keep(tenant, contract, balance, received_before)
    return MeasuredBurst(contract, period, usage, rated(contract, period, usage), opening)


def _opening_credits(
    tenant: Tenant,
    contract: ContractTerms,
    moment: datetime,
    received_before: datetime | None,
    balances: Balances,
) -> Decimal:
    """The credits a contract has at a moment, in chip-seconds: carried from month to month."""
    terms = quantities(contract)
    if moment <= contract.start or not terms.saves:
        return ZERO
    at, left = balances.latest(tenant, contract, moment, received_before)
    for part in local_months(Period(at, moment), tenant.timezone) if at < moment else ():
        intervals = _intervals(tenant, contract.chip, terms, part, received_before)
        left = credits_after(intervals, terms, part, left)
        balances.keep(tenant, contract, (part.end, left), received_before)
    return left


def measure_uncontracted(
    tenant: Tenant, chip: str, period: Period, received_before: datetime | None = None
) -> BurstUsage:
    """What a chip without a contract did; with a baseline of 0 all of it is burst."""
    return measured(tenant, chip, BurstTerms(), period, received_before)


def uncovered(
    tenant: Tenant,
    contracts: Sequence[ContractTerms],
    chip: str,
    period: Period,
    received_before: datetime | None = None,
) -> Iterator[Period]:
    """The parts of a period in which the chip worked without any of these, its contracts."""
    for gap in gaps(list(filter(None, (c.within(period) for c in contracts))), period):
        used = chip in queries.chips(tenant, gap, received_before)
        if used and measure_uncontracted(tenant, chip, gap, received_before).worked:
            yield gap


def gaps(covered: Sequence[Period], period: Period) -> Iterator[Period]:
    """What lies in a period between parts of it that follow each other."""
    starts = [period.start, *(part.end for part in covered)]
    ends = [*(part.start for part in covered), period.end]
    for start, end in zip(starts, ends, strict=True):
        if start < end:
            yield Period(start, end)


def measured(
    tenant: Tenant,
    chip: str,
    terms: BurstTerms,
    period: Period,
    received_before: datetime | None,
    opening: Decimal = ZERO,
) -> BurstUsage:
    """A chip's intervals over a period under the terms."""
    intervals = _intervals(tenant, chip, terms, period, received_before)
    return measure(intervals, terms, period, opening, tenant.timezone)


def _intervals(
    tenant: Tenant,
    chip: str,
    terms: BurstTerms,
    period: Period,
    received_before: datetime | None,
) -> Iterator[ChipInterval]:
    stretch = timedelta(milliseconds=terms.longest_stretch_ms)
    return queries.chip_intervals(tenant, chip, period, stretch, received_before)


def quantities(contract: ContractTerms) -> BurstTerms:
    """What a contract says of quantities. ValueError, naming the field, for what is too fine."""
    return BurstTerms(
        baseline=contract.baseline,
        credit_accrual=contract.credit_accrual,
        credit_cap=contract.credit_cap,
        granularity_ms=contract.granularity_ms,
        minimum_ms=contract.minimum_ms,
    )


def prices(contract: ContractTerms) -> BurstPrices:
    """What a contract says of money. ChargeError, naming the field, for what is wrong."""
    return BurstPrices(
        contract.baseline_price,
        contract.on_demand_price,
        parse_tiers(Fields({"burst_tiers": contract.burst_tiers}, contract.chip), "burst_tiers"),
        contract.idle_factor,
        contract.cold_start_fee,
    )


def rated(contract: ContractTerms, period: Period, usage: BurstUsage) -> RatedBurst:
    """What was measured under a contract over a period, priced by it."""
    usage_to_rate = rating.BurstUsage(
        baseline_chips=contract.baseline,
        period_seconds=period.seconds,
        burst_chip_seconds=usage.burst_chip_seconds,
        idle_chip_seconds=usage.idle_chip_seconds,
        cold_starts=usage.cold_starts,
        peak=usage.peak,
        hourly_peak_chip_seconds=usage.reserved_hourly_chip_seconds,
    )
    return rate_burst(prices(contract), usage_to_rate)
