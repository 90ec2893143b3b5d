"""A percentage of an amount, with a fixed amount and bounds for each single event."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from billing.rating.errors import ChargeError
from billing.rating.fields import Fields
from billing.rating.line import RatedLine
from billing.rating.money import ONE, ZERO, plain
from billing.rating.units import EventSums, Units, sum_events

# Above every quantity that is taken.
EVERY = ONE.scaleb(39)


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

    def bounds(self, scale: Decimal = ONE) -> tuple[Fraction | None, Fraction | None]:
        """Below which base an event is raised, and above which it is cut; None where none is.

        The base is in units of which `scale` are one that is priced.
        """
        low = self._base_of(self.minimum_amount_per_event, scale)
        most = self.maximum_amount_per_event
        return low, None if most is None else self._base_of(most, scale)

    def _base_of(self, owed: Decimal, scale: Decimal) -> Fraction | None:
        beyond_fixed = Fraction(owed) - Fraction(self.fixed_amount_per_event)
        if self.rate_percent:
            return beyond_fixed * 100 * Fraction(scale) / Fraction(self.rate_percent)
        # Every event owes the fixed amount, whatever its base.
        return Fraction(0) if not beyond_fixed else Fraction(EVERY if beyond_fixed > 0 else -ONE)

    def lines(self, units: Units) -> list[RatedLine]:
        if units.sums is None and units.events is None and units.quantity:
            if self.prices_each_event:
                raise ChargeError("events", "is needed by a charge with amounts per event")
            return self._lines(units.quantity, EventSums())
        sums = units.sums or sum_events(units.events or (), *self.bounds())
        return self._lines(sums.total / sums.scale, sums)

    def _lines(self, base: Decimal, sums: EventSums) -> list[RatedLine]:
        least, most = self.minimum_amount_per_event, self.maximum_amount_per_event or ZERO
        raised = self._clamped(sums.low_events, sums.low_total / sums.scale, least)
        cut = self._clamped(sums.high_events, sums.high_total / sums.scale, most)
        lines = [
            self._percentage(base),
            self._fixed(sums.events),
            RatedLine("minimum-per-event", "Raised to the minimum per event", *raised),
            RatedLine("maximum-per-event", "Cut to the maximum per event", *cut),
        ]
        return [line for line in lines if line.quantity]

    def _percentage(self, base: Decimal) -> RatedLine:
        name = f"{plain(self.rate_percent)} % of the base"
        return RatedLine.priced("percentage", name, base, self.rate_percent.scaleb(-2))

    def _fixed(self, events: int) -> RatedLine:
        fixed = self.fixed_amount_per_event
        count = Decimal(events if fixed else 0)
        return RatedLine.priced("fixed", "Fixed amount per event", count, fixed)

    def _clamped(self, events: int, base: Decimal, bound: Decimal) -> tuple[Decimal, None, Decimal]:
        """How many events owe a bound instead, and what that changes."""
        owed = base * self.rate_percent.scaleb(-2) + events * self.fixed_amount_per_event
        return Decimal(events), None, events * bound - owed
