"""Weekly retention: of the agents that first delivered in a week, how many did again later."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Cohort:
    """The agents whose first delivering day ever is in the week that begins on `week`, a Monday.

    `retained[n]` of them delivered in the n-th week after; `retained[0]` are all of them.
    """

    week: date
    retained: tuple[int, ...]

    @property
    def agents(self) -> int:
        return self.retained[0]

    @property
    def rates(self) -> tuple[Decimal, ...]:
        """The share of the cohort that delivered in each week."""
        return tuple(Decimal(count) / self.agents for count in self.retained)


def monday(day: date) -> date:
    """The first day of a day's week, as ISO 8601 has it."""
    return day - timedelta(days=day.weekday())


def retention_table(delivered: Mapping[tuple[date, date], int], end: date) -> list[Cohort]:
    """The cohorts, oldest first, each up to the last week that begins before `end`.

    `delivered` counts agents by the Monday of their cohort and that of a week they delivered in.
    """
    last = monday(end - timedelta(days=1))
    weeks = sorted({cohort for cohort, _ in delivered})
    return [
        Cohort(
            week,
            tuple(
                delivered.get((week, week + n * WEEK), 0) for n in range((last - week) // WEEK + 1)
            ),
        )
        for week in weeks
    ]
