"""What the reads of prepaid credit answer with, described."""

from metering.openapi.describe import parameter
from metering.openapi.schemas import component, count, decimal, moment, nullable, record, text

_CURRENCY = text("ISO 4217 code of every amount in the row.")

BALANCE = component(
    "CreditBalance",
    record(
        {
            "currency": _CURRENCY,
            "balance": decimal("All that is left: the sum of all movements."),
            "available": decimal("Of it, what has begun and not expired."),
        },
        of="Prepaid credit in one currency.",
    ),
)

GRANT = component(
    "CreditGrant",
    record(
        {
            "key": text("What the top-up was named; there is one grant for each."),
            "amount": decimal("What was granted."),
            "left": decimal("What is left of it."),
            "currency": _CURRENCY,
            "priority": count("The lowest is drawn first, then what expires first."),
            "effective_at": moment("From when on it pays."),
            "expires_at": nullable(moment("It pays for no period that ends later; null: never.")),
            "state": text("What is left of it, now.", "pending", "active", "expired", "used_up"),
            "reason": text("For people; may be empty."),
            "created_at": moment("When it was granted."),
        },
        of="Money that is drawn when invoices are finalized.",
    ),
)

MOVEMENT = component(
    "CreditMovement",
    record(
        {
            "id": count("Its place among all movements."),
            "grant": text("The grant's key."),
            "kind": text("", "granted", "drawn", "returned", "expired", "withdrawn"),
            "amount": decimal("Below 0 where something is taken."),
            "left": decimal("What is left of the grant after it."),
            "currency": _CURRENCY,
            "invoice": nullable(text("The invoice it was drawn for or returned from.")),
            "moment": moment("When it was booked."),
        },
        of="A change of what is left of a grant; it is never changed or deleted.",
    ),
)
AFTER_MOVEMENT = parameter(
    "after",
    {"type": "integer", "minimum": 0, "maximum": 10**18 - 1},
    "The id of the last movement of the page before.",
)
