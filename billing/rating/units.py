"""What is rated, and what of it a charge model is given to price."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from billing.rating.errors import ChargeError
from billing.rating.money import ONE, ZERO
from billing.rating.numeric import checked


@dataclass(frozen=True, slots=True)
class UsageToRate:
    """The quantity to rate, or one for each window.

    `events` are the parts of the quantity that single events brought. `already_rated` is the
    quantity of the same period that was rated before; 0 says that nothing was.
    """

    quantity: Decimal = ZERO
    already_rated: Decimal = ZERO
    events: tuple[Decimal, ...] | None = None
    buckets: tuple[Decimal, ...] | None = None

    def __post_init__(self) -> None:
        checked(self.quantity, "quantity")
        checked(self.already_rated, "already_rated")
        for name, numbers in (("events", self.events), ("buckets", self.buckets)):
            for n, number in enumerate(numbers or ()):
                checked(number, f"{name}[{n}]")
        if self.buckets is not None:
            self._refuse_beside_buckets()

    def _refuse_beside_buckets(self) -> None:
        for name in ("quantity", "already_rated", "events"):
            if getattr(self, name):
                raise ChargeError(name, "cannot be given together with buckets")


@dataclass(frozen=True, slots=True)
class EventSums:
    """All that a charge has to know of single events; see `each_event` for what is low and high.

    Totals are in units of which `scale` are one converted unit.
    """

    events: int = 0
    total: Decimal = ZERO
    low_events: int = 0
    low_total: Decimal = ZERO
    high_events: int = 0
    high_total: Decimal = ZERO
    scale: Decimal = ONE


@dataclass(frozen=True, slots=True)
class Units:
    """A quantity, and for the models that price each event what single events brought.

    `sums` stands for the events where they are too many to be listed.
    """

    quantity: Decimal
    events: tuple[Decimal, ...] | None = None
    sums: EventSums | None = None

    def converted(self, convert: Callable[[Decimal], Decimal]) -> "Units":
        """Convert the whole quantity, and each event on its own."""
        events = None if self.events is None else tuple(map(convert, self.events))
        return Units(convert(self.quantity), events)

    def beyond(self, free: Decimal) -> "Units":
        """Take the first units away, from the earliest events on."""
        events = None if self.events is None else tuple(beyond(self.events, free))
        return Units(max(ZERO, self.quantity - free), events)


def beyond(events: Iterable[Decimal], free: Decimal) -> Iterator[Decimal]:
    """Leave out an event that is free as a whole, so that it owes no fixed or minimum amount."""
    for event in events:
        covered = min(free, event)
        free -= covered
        if not covered or covered < event:
            yield event - covered


def sum_events(
    events: Iterable[Decimal], low: Fraction | None, high: Fraction | None, scale: Decimal = ONE
) -> EventSums:
    """Sums of all events, of those below `low` and of those above `high`."""
    counts, totals = [0, 0, 0], [ZERO, ZERO, ZERO]
    below, above = _terms(low), _terms(high)
    for event in events:
        is_low = below is not None and event * below[1] < below[0]
        is_high = above is not None and event * above[1] > above[0]
        for n, applies in enumerate((True, is_low, is_high)):
            if applies:
                counts[n] += 1
                totals[n] += event
    return EventSums(counts[0], totals[0], counts[1], totals[1], counts[2], totals[2], scale=scale)


def _terms(limit: Fraction | None) -> tuple[Decimal, Decimal] | None:
    """Numerator and denominator: decimals are compared with these quicker."""
    return None if limit is None else (Decimal(limit.numerator), Decimal(limit.denominator))
