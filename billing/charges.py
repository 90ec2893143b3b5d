"""What makes a charge one that a month can be closed with."""

from billing.rating.charge import parse_charge
from billing.rating.charge_models.burst import Burst
from billing.rating.charge_models.percentage import Percentage
from billing.rating.errors import ChargeError
from metering.usage.meter import MeterError, parse_meter


def check_charge(charge: object, meter: object, path: str = "") -> None:
    """Raise ChargeError, whose message begins with the path of what is wrong."""
    at = f"{path}." if path else ""
    model = parse_charge(charge, f"{at}charge").model
    if isinstance(model, Burst):
        if meter is not None:
            raise ChargeError(f"{at}meter", "the contracts of a burst charge count chips")
    elif meter is None:
        raise ChargeError(f"{at}meter", "is missing")
    else:
        _check_meter(meter, at)
    if isinstance(model, Percentage) and model.prices_each_event:
        raise ChargeError(f"{at}charge", "amounts per event cannot be invoiced yet")


def _check_meter(meter: object, at: str) -> None:
    try:
        parse_meter(meter)
    except MeterError as error:
        field, _, problem = str(error).partition(": ")
        raise ChargeError(f"{at}{field}", problem) from error
