"""What the reads of what came in, and the acts on what was refused, take and answer, described."""

from metering.clickhouse.quarantine_query import STATES
from metering.openapi.describe import JSON, Answers, parameter
from metering.openapi.schemas import (
    Schema,
    component,
    count,
    flag,
    moment,
    nullable,
    record,
    text,
)
from metering.quarantine import MOST_REASON

_REFERENCE: Schema = {"type": "string", "format": "uuid"}

_FAULT = record(
    {"events": count("How many."), "detail": text("What is wrong with them.")},
    of="Events that are not where they were said to be.",
)
INGESTION_HOUR = component(
    "IngestionHour",
    record(
        {
            "hour": moment("Its first moment, by the event store's clock."),
            "received": count("Events and spans: accepted + duplicates + quarantined."),
            "accepted": count("Stored, once each."),
            "duplicates": count("Known already, or told of by another span."),
            "conflicts": count("Of the duplicates, those with other content."),
            "quarantined": count("Refused and kept; they stay counted here when replayed."),
            "unmetered": count("Of the quarantined, calls that reported no usage."),
            "replayed": count("Of the received, those out of the quarantine."),
            "recovered": count("Of the received, what a killed writer had stored and not counted."),
            "adds_up": flag("Whether all of it is where it was said to be."),
            "faults": {"type": "array", "items": _FAULT, "description": "Empty when it adds up."},
        },
        of="What came in within an hour of UTC.",
    ),
)
AFTER_HOUR = parameter(
    "after", {"type": "string", "format": "date-time"}, "Where the page before ended."
)

QUARANTINED = component(
    "Quarantined",
    record(
        {
            "reference": _REFERENCE | {"description": "Its name here."},
            "received_at": moment("When it came."),
            "source": text("The event's source, as far as it could be read."),
            "id": text("The event's id, as far as it could be read."),
            "detail": text("What is wrong with it now, beginning with the field at fault."),
            "body": text("What was sent; what is no UTF-8 is replaced, see /body for the bytes."),
            "state": text("What has become of it.", *STATES),
            "repaired": text("The last attempt to mend it, empty without one."),
            "note": text("Why it was dropped, empty unless it was."),
            "actor": text("Who did the last thing about it, empty if nobody did."),
            "acted_at": nullable(moment("When; null if nobody did.")),
            "unmetered": flag("Whether it is a call that reported no usage: no fault."),
        },
        of="An event that was refused.",
    ),
)


def _counted(by: str, of: str) -> Schema:
    """The row of a list that is grouped."""
    return component(
        f"QuarantinedBy{by.title()}",
        record(
            {
                by: text(of),
                "events": count("Entries."),
                "unmetered": count("Of those, calls that reported no usage."),
                "first_received_at": moment("When the first of them came."),
                "last_received_at": moment("When the last of them came."),
            },
            of=f"With group_by={by}.",
        ),
    )


QUARANTINE_ROW: Schema = {
    "anyOf": [
        QUARANTINED,
        _counted("detail", "What is wrong with them."),
        _counted("source", "Whose they are, as far as it could be read."),
    ]
}
# A date is its first moment in the tenant's time zone, and so is a time without an offset.
_MOMENT: Schema = {
    "type": "string",
    "anyOf": [{"format": "date"}, {"format": "date-time"}],
}
FILTERS = (
    parameter("detail", {"type": "string"}, "Those whose `detail` begins so."),
    parameter("source", {"type": "string"}, "Those of this source."),
    parameter(
        "unmetered",
        {"type": "string", "enum": ["true", "false"]},
        "Only calls that reported no usage, or all but those.",
    ),
    parameter("received_from", _MOMENT, "Received then or later; a date is the tenant's."),
    parameter("received_to", _MOMENT, "Received before; a date is the tenant's."),
)
LISTED = (
    parameter(
        "state", {"type": "string", "enum": [*STATES, "all"]}, "In this state; waiting when absent."
    ),
    *FILTERS,
    parameter(
        "group_by",
        {"type": "string", "enum": ["detail", "source"]},
        "Counted by this, the hundred most frequent.",
    ),
    parameter("after", _REFERENCE, "The reference of the last row of the page before."),
)
ALL = parameter(
    "all", {"type": "string", "enum": ["true", "false"]}, "`true` to replay without any filter."
)

_FAILED = record(
    {
        "reference": _REFERENCE | {"description": "Of the entry."},
        "detail": text("What is wrong with it, beginning with the field at fault."),
    }
)
REPLAYED: Answers = {
    (200, JSON): component(
        "Replayed",
        record(
            {
                "accepted": count("Events stored now."),
                "duplicates": count("Events that were there already."),
                "conflicts": count("Of those, the ones with other content; what was first stays."),
                "rejected": {
                    "type": "array",
                    "items": _FAILED,
                    "description": "The first hundred that were refused again and still wait.",
                },
            },
            of="What became of the entries.",
        ),
    )
}

_REASON: Schema = {"type": "string", "maxLength": MOST_REASON}
REASON = parameter("reason", _REASON, "Why, for others to know; here or in the body.")
DROP_BODY = record({"reason": _REASON}, optional=("reason",))
