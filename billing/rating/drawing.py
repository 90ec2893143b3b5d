"""Which prepaid grants pay for an invoice, and in which order: the one place that says so."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from billing.rating.money import EXACT, ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Purse:
    """What is left of a grant, and from when until when it may be drawn on (never ends: None)."""

    grant: int
    left: Decimal
    priority: int
    effective_at: datetime
    expires_at: datetime | None

    def pays(self, period_end: datetime, now: datetime) -> bool:
        """Whether it may pay at `now` for a period that ended at `period_end`.

        It has begun by now, so that a top-up made after the month still pays for it; and it had
        not expired when the period ended, so that a grant for a month pays for that month although
        its invoice is made after it.
        """
        begun = self.effective_at <= max(now, period_end)
        return begun and (self.expires_at is None or self.expires_at >= period_end)


@dataclass(frozen=True, slots=True)
class Draw:
    """An amount taken from a grant."""

    grant: int
    amount: Decimal


def in_order(purses: Iterable[Purse]) -> list[Purse]:
    """The order of drawing: the lowest priority number first.

    Among equals the one that expires first, as it would be lost first, and one that never expires
    last; then the one that began first, then the one granted first.
    """
    return sorted(
        purses,
        key=lambda purse: (
            purse.priority,
            purse.expires_at is None,
            purse.expires_at or purse.effective_at,
            purse.effective_at,
            purse.grant,
        ),
    )


def draw(due: Decimal, purses: Iterable[Purse], period_end: datetime, now: datetime) -> list[Draw]:
    """What each grant gives towards an amount: at most what is due, and at most what is left."""
    draws = []
    for purse in in_order(purses):
        taken = min(due, purse.left)
        if taken > ZERO and purse.pays(period_end, now):
            draws.append(Draw(purse.grant, taken))
            due = EXACT.subtract(due, taken)
    return draws
