"""A percentage of an amount, with a fixed amount and bounds for each single event."""

from dataclasses import dataclass
from decimal import Decimal

from billing.rating.errors import ChargeError
from billing.rating.fields import Fields
from billing.rating.line import RatedLine
from billing.rating.money import ZERO, plain
from billing.rating.units import Units


@dataclass(frozen=True, slots=True)
class Percentage:
    """`rate_percent` of the base; each event's percentage plus fixed amount is clamped alone."""

    rate_percent: Decimal
    fixed_amount_per_event: Decimal = ZERO
    minimum_amount_per_event: Decimal = ZERO
    maximum_amount_per_event: Decimal | None = None

    @classmethod
    def parse(cls, fields: Fields) -> "Percentage":
        model = cls(
            fields.amount("rate_percent"),
            fields.amount_or("fixed_amount_per_event", ZERO),
            fields.amount_or("minimum_amount_per_event", ZERO),
            fields.optional_amount("maximum_amount_per_event"),
        )
        maximum = model.maximum_amount_per_event
        if maximum is not None and maximum < model.minimum_amount_per_event:
            path = fields.at("maximum_amount_per_event")
            raise ChargeError(path, "must not be below minimum_amount_per_event")
        return model

    @property
    def prices_each_event(self) -> bool:
        """Whether an amount depends on how the base is spread over events."""
        fixed = self.fixed_amount_per_event or self.minimum_amount_per_event
        return bool(fixed) or self.maximum_amount_per_event is not None

    def lines(self, units: Units) -> list[RatedLine]:
        if units.events is None and units.quantity and self.prices_each_event:
            raise ChargeError("events", "is needed by a charge with amounts per event")
        events = units.events or ()
        base = units.quantity if units.events is None else sum(events, ZERO)
        lines = [self._percentage(base), self._fixed(len(events)), *self._clamps(events)]
        return [line for line in lines if line.quantity]

    def _percentage(self, base: Decimal) -> RatedLine:
        name = f"{plain(self.rate_percent)} % of the base"
        return RatedLine.priced("percentage", name, base, self.rate_percent.scaleb(-2))

    def _fixed(self, events: int) -> RatedLine:
        fixed = self.fixed_amount_per_event
        count = Decimal(events if fixed else 0)
        return RatedLine.priced("fixed", "Fixed amount per event", count, fixed)

    def _clamps(self, events: tuple[Decimal, ...]) -> list[RatedLine]:
        rate = self.rate_percent.scaleb(-2)
        owed = [event * rate + self.fixed_amount_per_event for event in events]
        least, most = self.minimum_amount_per_event, self.maximum_amount_per_event
        raised = [least - amount for amount in owed if amount < least]
        cut = [] if most is None else [most - amount for amount in owed if amount > most]
        return [
            _clamp("minimum-per-event", "Raised to the minimum per event", raised),
            _clamp("maximum-per-event", "Cut to the maximum per event", cut),
        ]


def _clamp(key: str, name: str, changes: list[Decimal]) -> RatedLine:
    return RatedLine(key, name, Decimal(len(changes)), None, sum(changes, ZERO))
