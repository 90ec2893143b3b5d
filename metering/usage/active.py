"""What makes an agent active and delivering, and the row that reports a day of a fleet."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

# An agent back after this many days is resurrected; one seen within them and not today is dormant.
DORMANCY_DAYS = 28
WEEK_DAYS = 7
MONTH_DAYS = 30
# By what agents can be told apart, besides labels.
DAA_DIMENSIONS = ("model", "region")


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveDay:
    """One tenant-local day of a fleet; all but the first and the last field count agents.

    `active` agents had at least one event; `new`, `returning` and `resurrected` split them, so
    they add up to `active`. `delivering` agents (the DAA) had enough succeeded tasks, which are the
    `succeeded_tasks`. `waa` and `maa` are the distinct delivering agents of the 7 and 30 days that
    end with this one. Of the active ones, `active_sub_agents` reported on a task that has a parent;
    of the delivering ones, `delivering_sub_agents` finished one.
    """

    date: date
    active: int = 0
    active_sub_agents: int = 0
    delivering: int = 0
    delivering_sub_agents: int = 0
    new: int = 0
    returning: int = 0
    resurrected: int = 0
    dormant: int = 0
    waa: int = 0
    maa: int = 0
    succeeded_tasks: int = 0

    @property
    def stickiness(self) -> Decimal | None:
        """DAA / MAA, or None before anything was delivered in 30 days."""
        return Decimal(self.delivering) / self.maa if self.maa else None

    @property
    def tasks_per_delivering_agent(self) -> Decimal | None:
        """Succeeded tasks for each delivering agent, None without any."""
        return Decimal(self.succeeded_tasks) / self.delivering if self.delivering else None
