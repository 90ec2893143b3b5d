"""`POST /webhooks/stripe`: stored once, answered, and handled later."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from billing.stripe_sync.gateway import check_signature
from billing.stripe_sync.records import StripeEvent
from metering.problems import database_unavailable, problem

# Stripe's events are some kilobytes.
MOST_BYTES = 1 << 20


@csrf_exempt
@require_POST
def stripe_webhook(request: HttpRequest) -> HttpResponse:
    """Take an event that Stripe signed lately; the same one again changes nothing."""
    if not settings.STRIPE_WEBHOOK_SECRET:
        return problem(404, "Not Found", "no STRIPE_WEBHOOK_SECRET is set")
    body = request.read(MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        return problem(413, "Content Too Large", f"an event has at most {MOST_BYTES} bytes")
    header = request.headers.get("Stripe-Signature", "")
    secret, tolerance = settings.STRIPE_WEBHOOK_SECRET, settings.STRIPE_WEBHOOK_TOLERANCE
    if not check_signature(body, header, secret, tolerance):
        return problem(400, "Bad Request", "Stripe-Signature: is not of these bytes, or too old")
    try:
        event = _event(body)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        return problem(400, "Bad Request", f"this is no event: {error}")
    try:
        StripeEvent.objects.bulk_create([event], ignore_conflicts=True)
    except DatabaseError:
        return database_unavailable()
    return JsonResponse({"received": True})


def _event(body: bytes) -> StripeEvent:
    read: Any = msgspec.json.decode(body)
    event_id, kind = read["id"], read["type"]
    if not (isinstance(event_id, str) and isinstance(kind, str) and isinstance(read["data"], dict)):
        raise TypeError("id, type or data is wrong")
    if not 0 < len(event_id) <= 255 or len(kind) > 255:
        raise ValueError("id or type is too long")
    if b"\\u0000" in body:
        raise ValueError("it has a character that PostgreSQL does not keep")
    created = datetime.fromtimestamp(read["created"], UTC)
    return StripeEvent(event_id=event_id, type=kind, created=created, body=read)
