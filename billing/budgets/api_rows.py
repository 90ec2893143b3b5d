"""What budgets take and answer, described."""

from drf_spectacular.utils import OpenApiResponse

from billing.budgets.models import THRESHOLDS
from metering.openapi.describe import JSON, PROBLEM_JSON, Answers
from metering.openapi.schemas import (
    Schema,
    component,
    count,
    day,
    decimal,
    flag,
    labelled,
    moment,
    nullable,
    record,
    text,
    texts,
)

_ALERT = record(
    {
        "threshold": count("Percent of the amount."),
        "fired_at": nullable(moment("When it was reached in this period; null: not yet.")),
    }
)
BUDGET = component(
    "Budget",
    record(
        {
            "code": text("Its name."),
            "period": text("", "month", "day"),
            "period_start": day("The first day of the running one, on the tenant's calendar."),
            "period_end": moment("The first moment after it."),
            "agent": text("Whose spend it is about; empty: everybody's."),
            "label": text("`key=value` that the spend bears; empty: any."),
            "hard": flag("Whether reservations that do not fit are refused."),
            "currency": text("ISO 4217 code of every amount in the row."),
            "amount": decimal("What may be spent in the period."),
            "spent": decimal("settled + others."),
            "settled": decimal("What agents settled."),
            "others": decimal("Measured, and settled by nobody when it was."),
            "reserved": decimal("Held by reservations that are not settled yet."),
            "left": decimal("amount − spent − reserved, and never below 0."),
            "measured": nullable(decimal("What the events of the period cost, as `usage` has it.")),
            "measured_at": nullable(moment("As of when; null: not looked up yet.")),
            "difference": nullable(decimal("settled − measured: what agents settled too much.")),
            "unpriced": texts("What has no price, and is not in `measured`."),
            "alerts": {"type": "array", "items": _ALERT, "maxItems": len(THRESHOLDS)},
        },
        of="A budget, and what of it is gone in the running period.",
    ),
)

_KEY: Schema = {"type": "string", "minLength": 1, "maxLength": 200}
_AMOUNT: Schema = {
    "anyOf": [{"type": "string"}, {"type": "integer"}],
    "description": "In the tenant's currency; as text, for no digit is lost.",
}
RESERVE = component(
    "Reserve",
    record(
        {
            "key": _KEY | {"description": "Names it: the same again is the same reservation."},
            "amount": _AMOUNT,
            "agent": text("Who means to spend it."),
            "labels": labelled("What its events will bear."),
            "currency": text("Refused where it is not the tenant's."),
            "expires_in": {"type": "integer", "description": "Seconds; 600 when absent."},
        },
        optional=("agent", "labels", "currency", "expires_in"),
        of="What an agent means to spend.",
    ),
)
SETTLE = component(
    "Settle",
    record(
        {
            "key": _KEY | {"description": "Of the reservation."},
            "amount": _AMOUNT,
            "currency": text("Refused where it is not the tenant's."),
        },
        optional=("currency",),
        of="What was spent of a reservation; 0 gives it back.",
    ),
)
RESERVATION = component(
    "Reservation",
    record(
        {
            "key": text("Its name."),
            "state": text("", "held", "settled", "expired"),
            "agent": text("Who reserved it; may be empty."),
            "labels": labelled("What was told of it."),
            "amount": decimal("What was reserved."),
            "settled": nullable(decimal("What was spent; null until that is told.")),
            "currency": text("ISO 4217 code of both."),
            "budgets": texts("The codes of the budgets that it counts for."),
            "made_at": moment("When."),
            "expires_at": moment("It is let go then, unless it is settled."),
        },
        of="Money an agent means to spend.",
    ),
)
_REFUSED = component(
    "DoesNotFit",
    record(
        {
            "type": text("Always about:blank."),
            "title": text("Budget Exceeded."),
            "status": {"type": "integer", "description": "402."},
            "detail": text("Which budget has no room, and what is left of it."),
            "budget": text("Its code."),
            "amount": decimal("What it allows in the period."),
            "left": decimal("What is left of it."),
            "reserved": decimal("Of what is gone, held by reservations: it may come back."),
            "currency": text("ISO 4217 code of the amounts."),
            "period_end": moment("When the next period begins."),
        },
        of="A hard budget has not so much left (RFC 9457).",
    ),
)
DONE: Answers = {(200, JSON): RESERVATION}
REFUSED: Answers = {
    (402, PROBLEM_JSON): OpenApiResponse(_REFUSED, "A hard budget has no room; do not try again.")
}
