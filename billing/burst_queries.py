"""What a tenant's bursts came to and cost, and what the same work would have cost reserved."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from billing.contracts import (
    MeasuredBurst,
    gaps,
    measure_contract,
    measure_uncontracted,
)
from billing.rating.burst import saving
from billing.rating.money import EXACT, ZERO
from billing.terms import ContractTerms, read_contracts
from metering import queries
from metering.models import Tenant
from metering.usage.burst import joined
from metering.usage.burst_usage import BurstUsage
from metering.usage.exact import exact_sum
from metering.usage.period import Period


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstRow:
    """One chip over a period, and its contracts' parts of it, one after the other.

    Without a contract for all of its work the amounts are unknown. A part of the period in which
    there was neither contract nor work is reserved for nothing.
    """

    chip: str
    usage: BurstUsage
    parts: list[MeasuredBurst] = field(default_factory=list)
    covered: bool = False

    @property
    def contract(self) -> ContractTerms | None:
        """The last one in force."""
        return self.parts[-1].contract if self.parts else None

    @property
    def baseline(self) -> Decimal:
        return self.contract.baseline if self.contract else ZERO

    @property
    def amount(self) -> Decimal | None:
        return self._sum([part.rated.amount for part in self.parts])

    @property
    def reserved_peak_amount(self) -> Decimal | None:
        """The period's peak, at each contract's on-demand price for as long as it was in force."""
        seconds = [
            EXACT.multiply(part.period.seconds, part.contract.on_demand_price)
            for part in self.parts
        ]
        price = self._sum(seconds)
        return None if price is None else EXACT.multiply(self.usage.peak, price)

    @property
    def reserved_hourly_amount(self) -> Decimal | None:
        return self._sum([part.rated.reserved_hourly_amount for part in self.parts])

    @property
    def saving(self) -> Decimal | None:
        """The share saved against reserving the peak for the whole period."""
        return saving(self.amount, self.reserved_peak_amount)

    @property
    def hourly_saving(self) -> Decimal | None:
        """The share saved against reserving each hour's peak for that hour."""
        return saving(self.amount, self.reserved_hourly_amount)

    def opening_credits(self, period: Period) -> Decimal:
        """The credits that the period began with; none where no contract was in force."""
        begins = [part for part in self.parts if part.period.start == period.start]
        return begins[0].opening_credits if begins else ZERO

    def _sum(self, amounts: list[Decimal]) -> Decimal | None:
        return exact_sum(amounts) if self.covered else None


def bursts(tenant: Tenant, period: Period) -> list[BurstRow]:
    """One row for each chip that has a contract or was used, by name."""
    contracts = read_contracts(tenant, period)
    return [
        burst_row(tenant, chip, period, [c for c in contracts if c.chip == chip])
        for chip in burst_chips(tenant, period)
    ]


def burst_chips(tenant: Tenant, period: Period) -> list[str]:
    """The chips that have a contract or were used, by name."""
    contracts = read_contracts(tenant, period)
    return sorted({*queries.chips(tenant, period), *(contract.chip for contract in contracts)})


def burst_row(
    tenant: Tenant, chip: str, period: Period, contracts: Sequence[ContractTerms]
) -> BurstRow:
    """A chip under its contracts; what none of them covers is all burst."""
    parts = [
        measure_contract(tenant, contract, within)
        for contract in contracts
        if (within := contract.within(period))
    ]
    bare = {
        gap: measure_uncontracted(tenant, chip, gap)
        for gap in gaps([part.period for part in parts], period)
    }
    measured = {part.period: part.usage for part in parts} | bare
    usages = [measured[within] for within in sorted(measured)]
    return BurstRow(
        chip=chip,
        usage=usages[0] if len(usages) == 1 else joined(usages, period, tenant.timezone),
        parts=parts,
        covered=bool(parts) and not any(usage.worked for usage in bare.values()),
    )
