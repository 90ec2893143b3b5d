"""What a line counts, in words."""

from billing.rating.charge import Charge
from billing.rating.charge_models.package import Package
from billing.rating.line import RatedLine
from billing.rating.money import plain
from metering.usage.meter import Meter

_METRICS = {
    "delivering_agent_days": "agent-day",
    "active_agent_days": "agent-day",
    "succeeded_tasks": "task",
    "effective_tokens": "token",
}
_COUNTED = {
    "agent.tokens": "request",
    "agent.cache": "look-up",
    "agent.chip": "interval",
    "agent.tool": "call",
}
_VALUES = {"chip_seconds": "chip-second", "count": "chip", "duration_ms": "ms"}
_BURST = {"cold-starts": "cold start"}


def meter_unit(meter: Meter, currency: str) -> str:
    """The unit of a meter's quantity."""
    if meter.metric:
        return _METRICS.get(meter.metric, currency)
    if meter.aggregation == "count":
        return _COUNTED.get(meter.type, "event")
    if meter.aggregation == "unique":
        return meter.value
    unit = "token" if meter.value.endswith("_tokens") else _VALUES.get(meter.value, "unit")
    # A level, such as 5 seats, held for a time.
    return f"{unit}-second" if meter.aggregation == "time_weighted" else unit


def line_unit(line: RatedLine, charge: Charge, unit: str) -> str:
    """The unit of a line's quantity; empty for an amount that belongs to no quantity."""
    if line.unit_amount is None or line.key.endswith("-flat"):
        return ""
    if not unit:
        return _BURST.get(line.key, "chip-second")
    if isinstance(charge.model, Package):
        return "package"
    if charge.unit_conversion is not None:
        return f"{plain(charge.unit_conversion.divide_by)} {unit}s"
    return unit
