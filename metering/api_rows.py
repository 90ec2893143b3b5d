"""The rows that metering's reads answer with, described."""

from metering.openapi.schemas import component, count, day, decimal, moment, nullable, record, text

ACTIVE_DAY = component(
    "ActiveDay",
    record(
        {
            "date": day("The tenant's day."),
            "active": count("Agents with at least one event."),
            "delivering": count("Agents with enough succeeded tasks: the DAA."),
            "delivering_sub_agents": count("Of those, on a task that has a parent."),
            "new": count("Active agents whose first day ever this is."),
            "returning": count("Active agents last active less than 28 days before."),
            "resurrected": count("Active agents last active 28 days or more before."),
            "dormant": count("Agents active in the 28 days before and not on this one."),
            "waa": count("Distinct delivering agents of the 7 days that end with this one."),
            "maa": count("Distinct delivering agents of the 30 days that end with this one."),
            "stickiness": nullable(decimal("DAA / MAA; null without an MAA.")),
        },
        of="One of the tenant's days.",
    ),
)

QUARANTINED = component(
    "Quarantined",
    record(
        {
            "reference": {"type": "string", "format": "uuid", "description": "Its name here."},
            "received_at": moment("When it came."),
            "source": text("The event's source, as far as it could be read."),
            "id": text("The event's id, as far as it could be read."),
            "detail": text("Why it was refused, beginning with the field at fault."),
            "body": text("What was sent."),
        },
        of="An event that was refused.",
    ),
)

ALERT = component(
    "Alert",
    record(
        {
            "id": count("Its name here."),
            "kind": text("What it is about.", "hit_rate"),
            "state": text("", "firing", "cleared"),
            "value": nullable(decimal("Hit rate at the last check; null when no call was left.")),
            "lowest": decimal("The lowest hit rate of all checks."),
            "fires_below": decimal("A rate below this one fires."),
            "clears_at": decimal("A rate from this one on ends it."),
            "fired_at": moment("When it began."),
            "checked_at": moment("When the rate of the 24 hours before was last looked at."),
            "cleared_at": nullable(moment("When it was over; null while it fires.")),
        },
        of="A hit rate that was low over 24 hours.",
    ),
)
