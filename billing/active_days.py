"""Active agents with what they cost: a row for each local day, or for each value on each day."""

from dataclasses import dataclass, field
from decimal import Context, Decimal

from billing.queries import GroupCost, costs
from metering import queries
from metering.models import Tenant
from metering.usage.active import ActiveDay
from metering.usage.period import Period

# Looked at and never added up, so a quotient may end here.
_QUOTIENT = Context(prec=28)


@dataclass(frozen=True, slots=True)
class AgentDay:
    """A day of a fleet, or of the part of it that has a value, and what that cost the operator."""

    day: ActiveDay
    costs: GroupCost
    group: dict[str, str] = field(default_factory=dict)

    @property
    def cost(self) -> Decimal | None:
        """Tokens, chips and tools of the day, whoever used them; None when some have no price."""
        return self.costs.total

    @property
    def cost_per_delivering_agent(self) -> Decimal | None:
        """All of the day's cost for each agent that delivered; None without any."""
        if self.cost is None or not self.day.delivering:
            return None
        return _QUOTIENT.divide(self.cost, Decimal(self.day.delivering))

    @property
    def unpriced(self) -> list[str]:
        return self.costs.unpriced


def active_days(tenant: Tenant, period: Period, name: str = "") -> list[AgentDay]:
    """One row for each local day; with a name, one for each of its values that had any agents.

    Of a value, what the calls and chips cost that bear it.
    """
    by_group = costs(tenant, period, ("day", name) if name else ("day",))
    if not name:
        return [
            AgentDay(day, by_group.get((day.date.isoformat(),), GroupCost()))
            for day in queries.daa(tenant, period)
        ]
    return [
        AgentDay(day, by_group.get((day.date.isoformat(), value), GroupCost()), {name: value})
        for value, day in queries.daa_by(tenant, period, name)
    ]
