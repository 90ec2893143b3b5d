"""The same work under other contracts, and with the baseline that would have cost least."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from billing.burst_queries import BurstRow, burst_row
from billing.contracts import measured, prices, quantities, rated
from billing.rating.burst import RatedBurst
from billing.rating.burst_cost import VariableCost
from billing.rating.burst_search import Least, least_cost
from billing.rating.errors import ChargeError
from billing.rating.fields import Fields
from billing.rating.money import EXACT, ZERO, plain
from billing.terms import ContractTerms, read_contracts
from metering.models import Tenant
from metering.usage.burst import under
from metering.usage.burst_curve import BurstCurve
from metering.usage.burst_usage import BurstUsage
from metering.usage.period import Period

# As many as a chart needs to be seen as a line.
_POINTS = 32
_AMOUNTS = (
    "baseline",
    "baseline_price",
    "on_demand_price",
    "idle_factor",
    "cold_start_fee",
    "credit_accrual",
    "credit_cap",
)
_MILLISECONDS = ("granularity_ms", "minimum_ms")
_MOST_MILLISECONDS = 86_400_000
# Fields of a contract that may be another; `burst_price` is `burst_tiers` of a single price.
CHANGES = (*_AMOUNTS, "burst_price", "burst_tiers", *_MILLISECONDS)
_DEFAULTS = {
    "baseline": ZERO,
    "granularity_ms": 1,
    "minimum_ms": 0,
    "credit_accrual": ZERO,
    "credit_cap": ZERO,
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A contract put to the whole period."""

    contract: ContractTerms
    usage: BurstUsage
    rated: RatedBurst


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """A chip's period under candidates, all of which begin with the credits it began with.

    `actual` is what its own contracts made of it. `best` has the least-cost baseline, and is
    otherwise the changed contract; so is the curve, of (baseline, amount) from 0 to the peak.
    """

    actual: BurstRow
    opening_credits: Decimal
    candidates: list[Candidate]
    best: Candidate
    least: Least
    curve: list[tuple[Decimal, Decimal]]

    @property
    def at_least(self) -> Decimal:
        """What no baseline could have cost less than, be it between two steps."""
        return EXACT.subtract(
            self.best.rated.amount, EXACT.subtract(self.least.variable, self.least.at_least)
        )


def what_if(
    tenant: Tenant,
    chip: str,
    period: Period,
    changes: Mapping[str, object] | None = None,
    baselines: Sequence[Decimal] = (),
    step: Decimal | None = None,
    actual: BurstRow | None = None,
) -> WhatIf:
    """Put the work of a period under the contract last in force, with changes and other baselines.

    `changes` holds fields of `CHANGES`; where no contract is in force it has to hold all prices.
    ChargeError, whose message begins with the field, for what is wrong. `actual` is the chip's row
    of the period where it has been measured already.
    """
    contracts = [c for c in read_contracts(tenant, period) if c.chip == chip]
    changed = changed_contract(contracts[-1] if contracts else None, chip, period, changes or {})
    wanted = [_with_baseline(changed, baseline) for baseline in baselines] or [changed]
    actual = actual or burst_row(tenant, chip, period, contracts)
    opening = actual.opening_credits(period)
    usage = _usage(tenant, changed, actual, period, opening)

    def under_contract(contract: ContractTerms) -> Candidate:
        so = under(usage, quantities(contract), opening)
        return Candidate(contract, so, rated(contract, period, so))

    cost = VariableCost(
        BurstCurve(usage.level, quantities(changed), opening), prices(changed), period.seconds
    )
    least = least_cost(cost, usage.peak, step)
    best = under_contract(_with_baseline(changed, least.baseline))
    # Idle chips and cold starts cost the same whatever the baseline.
    fixed = EXACT.subtract(best.rated.amount, least.variable)
    return WhatIf(
        actual=actual,
        opening_credits=opening,
        candidates=[under_contract(contract) for contract in wanted],
        best=best,
        least=least,
        curve=[(at, EXACT.add(fixed, cost.at(at))) for at in least.spread(_POINTS)],
    )


def _usage(
    tenant: Tenant, contract: ContractTerms, actual: BurstRow, period: Period, opening: Decimal
) -> BurstUsage:
    """The work as the contract stretches it; measured again only where that is another way."""
    terms = quantities(contract)
    whole = [part.period for part in actual.parts] == [period]
    if whole and actual.usage.terms.rounding == terms.rounding:
        return actual.usage
    return measured(tenant, contract.chip, terms, period, None, opening)


def changed_contract(
    base: ContractTerms | None, chip: str, period: Period, changes: Mapping[str, object]
) -> ContractTerms:
    """The contract with other fields, for a whole period. ChargeError for a bad or missing one."""
    fields = Fields.of(changes, "", CHANGES)
    values: dict[str, Any] = dict(_DEFAULTS) | (msgspec.structs.asdict(base) if base else {})
    values |= {name: fields.amount(name) for name in _AMOUNTS if fields.has(name)}
    values |= {name: _milliseconds(fields, name) for name in _MILLISECONDS if fields.has(name)}
    if fields.has("burst_tiers"):
        values["burst_tiers"] = [tier for _, tier in fields.items("burst_tiers")]
    if fields.has("burst_price"):
        price = plain(fields.amount("burst_price"))
        values["burst_tiers"] = [{"up_to": None, "unit_amount": price}]
    for name in (*_AMOUNTS, "burst_tiers"):
        if name not in values:
            raise ChargeError(name, f"is missing; {chip} has no contract to take it from")
    return _checked(ContractTerms(**values | {"chip": chip, "start": period.start, "end": None}))


def _milliseconds(fields: Fields, name: str) -> int:
    value = fields.amount(name)
    if value != int(value) or not value <= _MOST_MILLISECONDS:
        raise ChargeError(name, f"must be a whole number from 0 to {_MOST_MILLISECONDS}")
    return int(value)


def _with_baseline(contract: ContractTerms, baseline: Decimal) -> ContractTerms:
    return _checked(msgspec.structs.replace(contract, baseline=baseline))


def _checked(contract: ContractTerms) -> ContractTerms:
    prices(msgspec.structs.replace(contract, chip=""))
    try:
        quantities(contract)
    except ValueError as error:
        name, _, problem = str(error).partition(": ")
        raise ChargeError(name, problem) from None
    return contract
