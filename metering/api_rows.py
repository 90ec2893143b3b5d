"""The rows that metering's reads answer with, described."""

from metering.openapi.schemas import component, count, day, decimal, nullable, record

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
