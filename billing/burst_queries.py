"""What a tenant's bursts came to and cost, and what the same work would have cost reserved."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Context, Decimal

from billing.contracts import MeasuredBurst, measure_contract, measure_uncontracted, uncovered
from billing.rating.money import EXACT, ZERO
from billing.terms import ContractTerms, read_contracts
from metering import queries
from metering.models import Tenant
from metering.usage.burst import BurstUsage
from metering.usage.period import Period

# A saving is a share to be looked at.
_SHARE = Context(prec=28)


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstRow:
    """One chip over a period. Without a contract for all of its work the amounts are unknown."""

    chip: str
    usage: BurstUsage
    contract: ContractTerms | None = None
    amount: Decimal | None = None

    @property
    def baseline(self) -> Decimal:
        return self.contract.baseline if self.contract else ZERO

    @property
    def reserved_peak_amount(self) -> Decimal | None:
        return self._reserved(self.usage.reserved_peak_chip_seconds)

    @property
    def reserved_hourly_amount(self) -> Decimal | None:
        return self._reserved(self.usage.reserved_hourly_chip_seconds)

    @property
    def saving(self) -> Decimal | None:
        """The share saved against reserving the peak for the whole period."""
        reserved = self.reserved_peak_amount
        if self.amount is None or not reserved:
            return None
        return _SHARE.subtract(Decimal(1), _SHARE.divide(self.amount, reserved))

    def _reserved(self, chip_seconds: Decimal) -> Decimal | None:
        if self.contract is None:
            return None
        return EXACT.multiply(chip_seconds, self.contract.on_demand_price)


def bursts(tenant: Tenant, period: Period) -> list[BurstRow]:
    """One row for each chip that has a contract or was used, by name."""
    contracts = read_contracts(tenant, period)
    chips = {*queries.chips(tenant, period), *(contract.chip for contract in contracts)}
    return [
        _row(tenant, chip, period, [c for c in contracts if c.chip == chip])
        for chip in sorted(chips)
    ]


def _row(tenant: Tenant, chip: str, period: Period, contracts: Sequence[ContractTerms]) -> BurstRow:
    parts = [
        measure_contract(tenant, contract, within)
        for contract in contracts
        if (within := contract.within(period))
    ]
    if not parts:
        return BurstRow(chip=chip, usage=measure_uncontracted(tenant, chip, period))
    if len(parts) == 1 and parts[0].period == period:
        (whole,) = parts
        return BurstRow(
            chip=chip, usage=whole.usage, contract=whole.contract, amount=whole.rated.amount
        )
    return _row_of_parts(tenant, chip, period, parts)


def _row_of_parts(
    tenant: Tenant, chip: str, period: Period, parts: list[MeasuredBurst]
) -> BurstRow:
    """Contracts that do not last for the period: their sums, and the level over all of it."""
    usages = [part.usage for part in parts]
    contracts = [part.contract for part in parts]
    whole = measure_uncontracted(tenant, chip, period)
    usage = replace(
        whole,
        baseline_chip_seconds=_sum(usage.baseline_chip_seconds for usage in usages),
        credited_chip_seconds=_sum(usage.credited_chip_seconds for usage in usages),
        burst_chip_seconds=_sum(usage.burst_chip_seconds for usage in usages),
        bursts=sum(usage.bursts for usage in usages),
    )
    gaps = list(uncovered(tenant, contracts, chip, period))
    amount = None if gaps else _sum(part.rated.amount for part in parts)
    return BurstRow(chip=chip, usage=usage, contract=contracts[-1], amount=amount)


def _sum(parts: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for part in parts:
        total = EXACT.add(total, part)
    return total
