"""What makes a charge one that a month can be closed with."""

from billing.rating.charge import Charge, parse_charge
from billing.rating.charge_models.burst import Burst
from billing.rating.each_event import each_event
from billing.rating.errors import ChargeError
from metering.usage.meter import MeterError, parse_meter

# The aggregations in which each event has a part of its own.
SINGLE = ("sum", "count")


def check_charge(charge: object, meter: object, path: str = "") -> None:
    """Raise ChargeError, whose message begins with the path of what is wrong."""
    at = f"{path}." if path else ""
    parsed = parse_charge(charge, f"{at}charge")
    if isinstance(parsed.model, Burst):
        if meter is not None:
            raise ChargeError(f"{at}meter", "the contracts of a burst charge count chips")
    elif meter is None:
        raise ChargeError(f"{at}meter", "is missing")
    else:
        _check_meter(meter, at, parsed)


def _check_meter(meter: object, at: str, charge: Charge) -> None:
    try:
        parsed = parse_meter(meter)
    except MeterError as error:
        field, _, problem = str(error).partition(": ")
        raise ChargeError(f"{at}{field}", problem) from error
    if each_event(charge) is not None and (parsed.metric or parsed.aggregation not in SINGLE):
        name = "metric" if parsed.metric else "aggregation"
        problem = f"must be one of {', '.join(SINGLE)}, for the charge prices each event"
        raise ChargeError(f"{at}meter.{name}", problem)
