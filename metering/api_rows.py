"""The rows that metering's reads answer with, described."""

from metering.openapi.describe import RANGE, parameter
from metering.openapi.schemas import (
    Schema,
    component,
    count,
    day,
    decimal,
    labelled,
    moment,
    nullable,
    record,
    text,
)

# Of one of the tenant's days; beside it stands what it cost.
ACTIVE_DAY: dict[str, Schema] = {
    "date": day("The tenant's day."),
    "active": count("Agents with at least one event."),
    "active_sub_agents": count("Of those, with an agent.task event that names a parent."),
    "delivering": count("Agents with enough succeeded tasks: the DAA."),
    "delivering_sub_agents": count("Of those, on a task that has a parent."),
    "new": count("Active agents whose first day ever this is."),
    "returning": count("Active agents last active less than 28 days before."),
    "resurrected": count("Active agents last active 28 days or more before."),
    "dormant": count("Agents active in the 28 days before and not on this one."),
    "waa": count("Distinct delivering agents of the 7 days that end with this one."),
    "maa": count("Distinct delivering agents of the 30 days that end with this one."),
    "succeeded_tasks": count("Succeeded tasks of the delivering agents."),
    "stickiness": nullable(decimal("DAA / MAA; null without an MAA.")),
    "tasks_per_delivering_agent": nullable(decimal("succeeded_tasks / delivering.")),
}

COHORT = component(
    "Cohort",
    record(
        {
            "week": day("The Monday of the week of these agents' first delivering day ever."),
            "agents": count("How many they are."),
            "retained": {
                "type": "array",
                "items": count("Agents."),
                "description": "How many delivered in that week, the next, and so on.",
            },
            "rates": {
                "type": "array",
                "items": decimal("A share."),
                "description": "retained / agents.",
            },
        },
        of="Agents that delivered for the first time in one week, and what became of them.",
    ),
)
RANGE_OF_WEEKS = (
    parameter(
        "from",
        {"type": "string", "format": "date"},
        "A day of the first cohort's week; twelve weeks ago when absent.",
    ),
    RANGE[1],
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

AUDIT_ENTRY = component(
    "AuditEntry",
    record(
        {
            "position": count("Its place in the tenant's chain, from 1 without a gap."),
            "moment": moment("When it was done."),
            "actor": text("Who: `user alice`, `key dbk_a1b2c3`, `command …`, `task …`."),
            "action": text("What was done, such as api_key.created."),
            "subject": text("To what."),
            "details": labelled("Particulars, by name."),
            "previous": text("The digest of the entry before; zeros before the first."),
            "digest": text("SHA-256 over all of it, in hexadecimal."),
        },
        of="Something done; an entry never changes.",
    ),
)
