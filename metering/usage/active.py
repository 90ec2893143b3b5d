"""What makes an agent active and delivering, and the row that reports a day of a fleet."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

# An agent back after this many days is resurrected; one seen within them and not today is dormant.
DORMANCY_DAYS = 28
WEEK_DAYS = 7
MONTH_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveDay:
    """One tenant-local day of a fleet; every field but `date` counts agents.

    `active` agents had at least one event; `new`, `returning` and `resurrected` split them, so
    they add up to `active`. `delivering` agents (the DAA) had enough succeeded tasks; of them,
    `delivering_sub_agents` worked on a task that has a parent. `waa` and `maa` are the distinct
    delivering agents of the 7 and 30 days that end with this one.
    """

    date: date
    active: int = 0
    delivering: int = 0
    delivering_sub_agents: int = 0
    new: int = 0
    returning: int = 0
    resurrected: int = 0
    dormant: int = 0
    waa: int = 0
    maa: int = 0

    @property
    def stickiness(self) -> Decimal | None:
        """DAA / MAA, or None before anything was delivered in 30 days."""
        return Decimal(self.delivering) / self.maa if self.maa else None
