"""What the reads of the task ledger take and answer, described."""

from metering.openapi.describe import RANGE, parameter, path
from metering.openapi.schemas import (
    Schema,
    component,
    count,
    decimal,
    flag,
    labelled,
    moment,
    nullable,
    record,
    rows_of,
    text,
    texts,
)
from metering.usage.ledger import STATUSES

_STATUS = "|".join(STATUSES)
_AMOUNT: Schema = {"type": "string", "pattern": r"^(-?[0-9]+(\.[0-9]+)?)?$"}
_LIMIT: Schema = {"type": "integer", "minimum": 1, "maximum": 500}

TASK = path("task", {"type": "string", "minLength": 1, "description": "The task's id; see `url`."})
AFTER_EVENT = (
    parameter("time", {"type": "string", "format": "date-time"}, "Of the last event seen."),
    parameter("source", {"type": "string"}, "Of the last event seen."),
    parameter("id", {"type": "string"}, "Of the last event seen."),
    parameter("limit", _LIMIT, "How many rows; 100 when absent."),
)
FILTERS = (
    *RANGE,
    parameter(
        "status",
        {"type": "string", "pattern": f"^(({_STATUS})(,({_STATUS}))*)?$"},
        "Of these, separated by commas.",
    ),
    *(
        parameter(name, {"type": "string"}, of)
        for name, of in (
            ("agent", "Of this agent."),
            ("session", "Of this session."),
            ("parent_task", "Sub-tasks of this task."),
            ("parent", "The same as parent_task."),
            ("model", "That called this model."),
            ("prefix", "Whose id begins so."),
            ("after_task", "Of the last row seen; with after_time or after_cost."),
        )
    ),
    parameter(
        "sort",
        {"type": "string", "enum": ["time", "cost"]},
        "By the time of the outcome, newest first, or by cost, dearest first.",
    ),
    parameter("min_cost", _AMOUNT, "That cost at least this; with sort=cost."),
    parameter("after_time", {"type": "string", "format": "date-time"}, "Of the last row seen."),
    parameter("after_cost", _AMOUNT, "Of the last row seen, empty where it was null."),
    parameter("limit", _LIMIT, "How many rows; 100 when absent."),
)

_USE: dict[str, Schema] = {
    "event_count": count("Events of any type."),
    "requests": count("Model calls."),
    "input_tokens": count("Prompt tokens that no cache held."),
    "cache_read_tokens": count("Prompt tokens read from a cache."),
    "cache_write_tokens": count("Prompt tokens written to a cache."),
    "cache_write_long_tokens": count("Of the tokens written, those kept an hour or more."),
    "output_tokens": count("Output tokens, reasoning included."),
    "reasoning_tokens": count("Of the output, reasoning."),
    "prompt_tokens": count("input + cache_read + cache_write."),
    "total_tokens": count("prompt + output."),
    "cache_lookups": count("Look-ups in caches above the model."),
    "cache_hits": count("Of them, hits."),
    "saved_tokens": count("Tokens that hits saved."),
    "chip_seconds": decimal("Chips × seconds, in every phase."),
    "chip_seconds_active": decimal("Of them, at work."),
    "chip_seconds_idle": decimal("Of them, held and idle."),
    "chip_seconds_cold_start": decimal("Of them, starting."),
    "tool_calls": count("Calls of tools."),
    "tool_errors": count("Of them, those that failed."),
}
_MONEY: dict[str, Schema] = {
    "cost": nullable(decimal("What the operator pays for it; null when something is unpriced.")),
    "unpriced": texts("What has no price, so that the cost is null."),
    "price": nullable(decimal("What the plan charges for it, not rounded; null is not known.")),
    "price_unknown": texts("Why the price is null."),
    "margin": nullable(decimal("price − cost; null where one of them is.")),
}
_PARTS = record(
    {
        "useful": decimal("Tokens that were of use."),
        "repeated": decimal("Context computed again."),
        "failed": decimal("Tokens of a task that came to nothing."),
        "retried": decimal("Tokens of second attempts."),
        "chips": decimal("Chips."),
        "tools": decimal("Tools."),
    },
    of="What is known of the cost, by cause.",
)
_TREE = record(
    {"subtasks": count("Tasks below this one, at any depth."), **_USE, **_MONEY},
    of="The task with all of its sub-tasks; null where there are too many to add up.",
)
_LINE: dict[str, Schema] = {
    "task": text("The task's id."),
    "url": {"type": "string", "format": "uri", "description": "Its own address."},
    "agent": text("Whose task it is."),
    "parent_task": nullable(text("The task that it is a sub-task of.")),
    "session": text("As its outcome says; empty without."),
    "status": text("How it ended; open while it has not.", *STATUSES),
    "time": moment("When its outcome happened; of an open task its last event."),
    "started_at": moment("As its outcome says, else its first event or chip."),
    "ended_at": nullable(moment("As its outcome says, else when that happened.")),
    "fingerprint": text("As its outcome says; empty without."),
    "labels": labelled("Of its outcome; of an open task those of its last event."),
    "models": texts("That it called."),
    **_USE,
    **_MONEY,
    "cost_parts": _PARTS,
    "currency": text("ISO 4217 code of every amount in the row."),
    "with_subtasks": nullable(_TREE),
}
_NOBODY = texts("What the plan charges beside, for no task.")
_ROW = component("TaskRow", record(_LINE, of="A task in the ledger."))
EVENT = component(
    "TaskEvent",
    record(
        {
            "time": moment("When it happened."),
            "source": text("Together with `id` its identity."),
            "id": text("Together with `source` its identity."),
            "type": text("The event's type."),
            "agent": text("The event's subject."),
            "data": {"type": "object", "description": "What was sent, without what was left out."},
            "cost": nullable(decimal("What it cost; null when it has no price.")),
            "unpriced": texts("What has no price."),
        },
        of="An event of a task.",
    ),
)


def _page() -> Schema:
    page = rows_of(_ROW)
    fields = page["properties"] | {"charged_to_no_task": _NOBODY}
    return record(fields)


PAGE = _page()
DETAIL = component(
    "TaskWithTree",
    record(
        {
            **_LINE,
            "tree": {"type": "array", "items": _ROW, "description": "The tasks below it."},
            "tree_is_whole": flag("Whether `tree` has all of them."),
            "charged_to_no_task": _NOBODY,
            "events": rows_of(EVENT),
        },
        of="A task with its tree and the first of its events.",
    ),
)
