"""What a what-if takes and answers, described."""

from billing.what_if_question import FIELDS
from metering.openapi.describe import RANGE, parameter
from metering.openapi.schemas import (
    Schema,
    component,
    count,
    decimal,
    nullable,
    record,
    text,
)

_CONTRACT: dict[str, Schema] = {
    "baseline": decimal("Chips, used or not."),
    "baseline_price": decimal("For a chip-second of it."),
    "on_demand_price": decimal("For a chip-second, of idle and reserved chips."),
    "burst_tiers": {
        "type": "array",
        "items": {"type": "object"},
        "description": "Prices of burst chip-seconds, as a graduated charge has them.",
    },
    "idle_factor": decimal("Of the on-demand price, for idle chips."),
    "cold_start_fee": decimal("For each cold start."),
    "credit_accrual": decimal("Credits for each chip-second below the baseline."),
    "credit_cap": decimal("The most credits there are, in chip-seconds."),
    "granularity_ms": count("Intervals count in steps of so many milliseconds."),
    "minimum_ms": count("Intervals count at least so long."),
}
_USAGE: dict[str, Schema] = {
    "peak": decimal("Most chips at once."),
    "baseline_chip_seconds": decimal("Within the baseline."),
    "credited_chip_seconds": decimal("Above it, covered by credits."),
    "burst_chip_seconds": decimal("Above it, and charged as burst."),
    "idle_chip_seconds": decimal("Held and idle."),
    "cold_starts": count("Cold starts that began in the range."),
    "bursts": count("Times the level rose above the baseline."),
}
_AMOUNTS: dict[str, Schema] = {
    "baseline_amount": decimal("The baseline's part of the amount."),
    "burst_amount": decimal("The bursts' part."),
    "idle_amount": decimal("The part of idle chips."),
    "cold_start_amount": decimal("The part of cold starts."),
    "amount": nullable(decimal("All of it; null where no contract covers all of the work.")),
    "reserved_peak_amount": nullable(decimal("The peak, reserved for the whole range.")),
    "reserved_hourly_amount": nullable(decimal("Each clock hour's peak, reserved for it.")),
    "saving": nullable(decimal("1 − amount / reserved_peak_amount.")),
    "hourly_saving": nullable(decimal("1 − amount / reserved_hourly_amount.")),
}
_ROW = record(
    {
        "kind": text(
            "The contracts in force, a candidate, or the one that costs least.",
            "actual",
            "candidate",
            "least_cost",
        ),
        **_CONTRACT,
        **_USAGE,
        **_AMOUNTS,
    },
    of="The work put to one contract.",
)

WHAT_IF = component(
    "BurstWhatIf",
    record(
        {
            "chip": text("The type of chip."),
            "currency": text("ISO 4217 code of every amount."),
            "opening_credits": decimal("What the range began with, in chip-seconds."),
            "rows": {"type": "array", "items": _ROW},
            "next": {"type": "null"},
            "least_cost": record(
                {
                    "baseline": decimal("Chips; exact among the multiples of the step."),
                    "amount": decimal("The amount with it."),
                    "step": decimal("Chips between the baselines searched."),
                    "at_least": decimal("What no baseline costs less than, between two steps too."),
                    "evaluated": count("Baselines tried."),
                }
            ),
            "curve": {
                "type": "array",
                "items": record(
                    {"baseline": decimal("Chips."), "amount": decimal("The amount with it.")}
                ),
            },
        },
        of="What a chip's work would have cost under other contracts.",
    ),
)
PARAMETERS = (
    parameter("chip", text("The type of chip."), required=True),
    *RANGE,
    parameter(
        "baseline",
        {"type": "array", "items": {"type": "string"}},
        "Chips to try; each is a row. The contract's own when absent.",
    ),
    parameter("step", text("Chips between the baselines searched; a thousandth of the peak.")),
    *(
        parameter(name, text("Another one than the contract in force has; needed without one."))
        for name in FIELDS
    ),
)
