"""What a charge model is given to price: a quantity and, where known, the events that make it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from billing.rating.money import ZERO


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
