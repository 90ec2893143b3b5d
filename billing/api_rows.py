"""What the reads with money in them take and the rows they answer with, described."""

from billing.models import InvoiceLine
from billing.queries import CALL_DIMENSIONS
from metering.api_rows import ACTIVE_DAY as DAY_OF_AGENTS
from metering.clickhouse.cache_query import CACHE_DIMENSIONS
from metering.clickhouse.usage_query import USAGE_DIMENSIONS
from metering.openapi.describe import parameter
from metering.openapi.schemas import (
    Schema,
    component,
    count,
    decimal,
    flag,
    grouped,
    labelled,
    moment,
    nullable,
    record,
    text,
    texts,
)
from metering.usage.active import DAA_DIMENSIONS

_CURRENCY = text("ISO 4217 code of every amount in the row.")
_UNPRICED = texts("What has no price, so that the cost it belongs to is null.")
_CALLS: dict[str, Schema] = {
    "requests": count("Model calls."),
    "input_tokens": count("Prompt tokens that no cache held."),
    "cache_read_tokens": count("Prompt tokens read from a cache."),
    "cache_write_tokens": count("Prompt tokens written to a cache."),
    "output_tokens": count("Output tokens, reasoning included."),
    "reasoning_tokens": count("Of the output, reasoning."),
}


def _amount(of: str) -> Schema:
    """Money, null where a price is missing or there is nothing to divide by."""
    return nullable(decimal(of))


USAGE = component(
    "UsageRow",
    grouped(
        {
            **_CALLS,
            "tasks": count("Tasks that ended in the range."),
            "succeeded_tasks": count("Tasks whose outcome is succeeded."),
            "tool_calls": count("Calls of tools."),
            "chip_seconds": decimal("Chips × seconds, in every phase."),
            "unmetered_requests": nullable(
                count("Model calls that reported no usage; null with group_by.")
            ),
            "cost": _amount("What the operator pays for it; null when something is unpriced."),
            "currency": _CURRENCY,
            "unpriced": _UNPRICED,
        },
        USAGE_DIMENSIONS,
        "What was used.",
    ),
)

EFFICIENCY = component(
    "EfficiencyRow",
    grouped(
        {
            **_CALLS,
            "cache_write_long_tokens": count("Of the tokens written, those kept an hour or more."),
            "prompt_tokens": count("input + cache_read + cache_write."),
            "total_tokens": count("prompt + output."),
            "hit_rate": nullable(decimal("cache_read / prompt.")),
            "reusable_tokens": count("Of the prompts, what an earlier call had carried."),
            "repeated_tokens": count("Computed again though computed before."),
            "repeated_share": nullable(decimal("repeated / prompt.")),
            "failed_tokens": count("Of calls whose task failed, less repeated."),
            "retried_tokens": count("Of second attempts of other tasks, less repeated."),
            "effective_tokens": count("total − repeated − failed − retried."),
            "efficiency": nullable(decimal("effective / total.")),
            "token_cost": _amount("What the tokens cost."),
            "cost_per_million_tokens": _amount("token_cost / total_tokens × 1,000,000."),
            "token_efficiency_cost": _amount("token_cost / effective_tokens × 1,000,000."),
            "succeeded_tasks": nullable(count("Null by what a task has none of, such as a model.")),
            "cost_per_succeeded_task": _amount("Tokens, chips and tools of all tasks, for each."),
            "repeat_tasks": nullable(
                count("Of the succeeded ones, done before: another had their fingerprint.")
            ),
            "repeat_work": nullable(decimal("repeat_tasks / succeeded tasks.")),
            "saving_in_reach": _amount("repeated × (input price − cache-read price)."),
            "unpriced": _UNPRICED,
            "currency": _CURRENCY,
        },
        CALL_DIMENSIONS,
        "How much of the tokens was of use, and what that cost.",
    ),
)

CACHE = component(
    "CacheRow",
    grouped(
        {
            "cache": text("The cache's name."),
            "lookups": count("Look-ups."),
            "hits": count("Look-ups that found something."),
            "cache_hit_rate": nullable(decimal("hits / lookups.")),
            "saved_tokens": count("Tokens that hits saved."),
            "avoided_cost": _amount("What they would have cost as input; in no other amount."),
            "unpriced": _UNPRICED,
            "currency": _CURRENCY,
        },
        CACHE_DIMENSIONS,
        "What a cache above the model avoided.",
    ),
)

ACTIVE_DAY = component(
    "ActiveDay",
    grouped(
        {
            **DAY_OF_AGENTS,
            "cost": _amount("What the day cost the operator; with group_by, what bears the value."),
            "cost_per_delivering_agent": _amount("cost / delivering."),
            "unpriced": _UNPRICED,
            "currency": _CURRENCY,
        },
        DAA_DIMENSIONS,
        "One of the tenant's days, or one value of group_by on it.",
    ),
)
# One name, where others take several.
BY_ONE = parameter(
    "group_by",
    {
        "type": "string",
        "anyOf": [{"enum": list(DAA_DIMENSIONS)}, {"pattern": r"^(labels\.[^,\s]+)?$"}],
    },
    f"A row for each value of this on each day: {', '.join(DAA_DIMENSIONS)} or labels.<key>.",
)

BURST = component(
    "BurstRow",
    record(
        {
            "chip": text("The type of chip."),
            "peak": decimal("Most chips at once."),
            "mean": decimal("Chips, over the whole range."),
            "p95": decimal("95th percentile of 5-minute means, in chips."),
            "baseline_chip_seconds": decimal("Within the contract's baseline."),
            "credited_chip_seconds": decimal("Above it, covered by credits."),
            "burst_chip_seconds": decimal("Above it, and charged as burst."),
            "idle_chip_seconds": decimal("Held and idle."),
            "cold_starts": count("Cold starts that began in the range."),
            "dormancy": decimal("Share of the time without a chip, from 0 to 1."),
            "bursts": count("Times the level rose above the baseline."),
            "baseline": decimal("Chips of the contract."),
            "amount": _amount("By the contract; null where none covers all of the work."),
            "reserved_peak_amount": _amount("The peak, reserved for the whole range."),
            "reserved_hourly_amount": _amount("Each clock hour's peak, reserved for that hour."),
            "saving": nullable(decimal("1 − amount / reserved_peak_amount.")),
            "hourly_saving": nullable(decimal("1 − amount / reserved_hourly_amount.")),
            "currency": _CURRENCY,
            "contract": flag("Whether there is a contract."),
        },
        of="One chip's bursts.",
    ),
)

_NOT_CHARGED = record(
    {
        "type": text("The type of event."),
        "group": labelled("What tells these events apart."),
        "events": count("How many."),
    },
    of="Usage that no charge of the plan covers.",
)
_INVOICE_FIELDS: dict[str, Schema] = {
    "number": nullable(text("Its place in the gapless series; null for a draft.")),
    "kind": text("", "invoice", "credit_note"),
    "status": text("", "draft", "finalized", "paid", "void", "uncollectible"),
    "currency": _CURRENCY,
    "period_start": moment("The first moment of the period."),
    "period_end": moment("The first moment after it."),
    "subtotal": decimal("The sum of the lines."),
    "tax": decimal("Of the subtotal."),
    "total": decimal("subtotal + tax."),
    "credits_applied": decimal("What prepaid credit paid, or of a draft would pay now."),
    "amount_due": decimal(
        "What is to be paid in all beside credit; of a draft, what it would be now."
    ),
    "amount_paid": decimal("What came in for it."),
    "amount_remaining": decimal("What is left to pay."),
    "amount_overpaid": decimal("What came in and was not owed."),
    "paid_at": nullable(moment("When the payment came that left nothing to pay.")),
    "due_at": nullable(moment("The first moment after the last day for paying it.")),
    "tax_percent": decimal("Percent of the subtotal."),
    "not_charged": {"type": "array", "items": _NOT_CHARGED},
    "unpriced": texts("What needs a price and has none: finalizing waits for it."),
}

LINE = component(
    "InvoiceLine",
    record(
        {
            "position": count("Its place on the invoice, from 1."),
            "code": text("The charge's code."),
            "description": text("For people."),
            "quantity": decimal("In `unit`."),
            "unit": text("What is counted."),
            "unit_amount": nullable(decimal("Price of one; null where a line has none.")),
            "group": labelled("By what the charge groups."),
            "period_start": moment("The first moment it is for."),
            "period_end": moment("The first moment after that."),
            "correction": flag("Whether it corrects an earlier invoice's period."),
            "corrects": nullable(text("The number of that invoice; null for its own usage.")),
            "amount": decimal("Rounded once, to the currency's minor unit."),
            "kind": text("What it is for.", *InvoiceLine.Kind.values),
        },
        of="One explained amount.",
    ),
)
INVOICE = component("Invoice", record(_INVOICE_FIELDS, of="A bill for a month."))
INVOICE_WITH_LINES = component(
    "InvoiceWithLines",
    record({**_INVOICE_FIELDS, "lines": {"type": "array", "items": LINE}}, of="With every line."),
)

EVENT = component(
    "LineEvent",
    record(
        {
            "time": moment("When it happened."),
            "source": text("With `id`, its identity."),
            "id": text("With `source`, its identity."),
            "type": text("The type of event."),
            "agent": text("Whose work it was."),
            "task": text("On which task; may be empty."),
        },
        of="An event that a line was counted from.",
    ),
)

AFTER_LINE = parameter(
    "after",
    {"type": "integer", "minimum": 0, "maximum": 999_999_999},
    "The position of the last line of the page before.",
)
AFTER_EVENT = (
    parameter("time", {"type": "string", "format": "date-time"}, "Of the last event before."),
    parameter("source", {"type": "string"}, "Of the last event before."),
    parameter("id", {"type": "string"}, "Of the last event before."),
)
