"""What is rated, and what of it a charge model is given to price."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from billing.rating.errors import ChargeError
from billing.rating.money import ZERO
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
class Units:
    """A quantity, and the quantity of each single event for the models that price each."""

    quantity: Decimal
    events: tuple[Decimal, ...] | None = None

    def converted(self, convert: Callable[[Decimal], Decimal]) -> "Units":
        """Convert the whole quantity, and each event on its own."""
        events = None if self.events is None else tuple(map(convert, self.events))
        return Units(convert(self.quantity), events)

    def beyond(self, free: Decimal) -> "Units":
        """Take the first units away, from the earliest events on."""
        events = None if self.events is None else tuple(_beyond(self.events, free))
        return Units(max(ZERO, self.quantity - free), events)


def _beyond(events: tuple[Decimal, ...], free: Decimal) -> Iterator[Decimal]:
    """Leave out an event that is free as a whole, so that it owes no fixed or minimum amount."""
    for event in events:
        covered = min(free, event)
        free -= covered
        if not covered or covered < event:
            yield event - covered
