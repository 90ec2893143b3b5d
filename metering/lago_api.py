"""Lago's events API: the same path as every event, with the answers that Lago's clients read.

Unlike Lago's, a batch with an invalid event is not rolled back: the valid ones are stored and the
others quarantined, as everywhere here, so that nothing is lost if nobody sends it again; and what
was there already is answered with 200, for Lago's clients raise on its 422 `value_already_exist`,
and one event sent twice after a lost answer would fail every batch it is in.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from metering.clickhouse.quarantine import Refused
from metering.collectors import lago
from metering.collectors.bounds import TooManyEvents
from metering.ingest import Report, ingest
from metering.ingest_view import Refusal, ingest_view
from metering.models import Tenant
from metering.openapi.describe import takes
from metering.openapi.foreign import LAGO_BATCH, LAGO_BATCH_ANSWERS

Errors = dict[str, list[str]]


class _Made(NamedTuple):
    event: lago.LagoEvent
    bodies: list[bytes]


def _refuse(request: HttpRequest, status: int, title: str, detail: str) -> HttpResponse:
    # Lago's own 400 says what is wrong in `error`.
    error = f"BadRequest: {detail}" if status == 400 else title
    body = {"status": status, "error": error, "error_details": detail}
    return _json(body, status)


@takes({"application/json": LAGO_BATCH}, LAGO_BATCH_ANSWERS)
@ingest_view(_refuse)
def post_batch(request: HttpRequest, tenant: Tenant, body: bytes) -> HttpResponse:
    """`POST /api/v1/events/batch`: a batch of Lago's events."""
    try:
        events = lago.batch(body)
    except TooManyEvents:
        return _invalid({"events": ["too_many_events"]})
    except lago.LagoError as error:
        raise Refusal(400, "Bad Request", str(error)) from None
    if not events:
        return _invalid({"events": ["no_events"]})
    if len(events) > lago.MOST_EVENTS:
        return _invalid({"events": ["too_many_events"]})
    found = [_read(event) for event in events]
    errors = _store(tenant, found)
    if errors:
        return _invalid({str(index): errors[index] for index in sorted(errors)})
    return _json({"events": _answers(found)})


def post_single(tenant: Tenant, raw: bytes) -> HttpResponse:
    """`POST /api/v1/events` with a body `{"event": {...}}`, of which `raw` is the event."""
    found = [_read(raw)]
    errors = _store(tenant, found)
    return _invalid(errors[0]) if errors else _json({"event": _answers(found)[0]})


def _read(raw: bytes) -> _Made | Refused:
    try:
        event = lago.read_event(raw)
        return _Made(event, lago.cloudevents(event))
    except lago.LagoError as error:
        return Refused(lago.without_properties(raw), "", "", str(error))


def _store(tenant: Tenant, events: Sequence[_Made | Refused]) -> dict[int, Errors]:
    """What is wrong with those that were refused, by their place."""
    bodies: list[bytes | Refused] = []
    owners: list[int] = []
    for index, event in enumerate(events):
        made = [event] if isinstance(event, Refused) else event.bodies
        bodies += made
        owners += [index] * len(made)
    return _errors(ingest(tenant, bodies), owners)


def _errors(report: Report, owners: Sequence[int]) -> dict[int, Errors]:
    errors: dict[int, Errors] = defaultdict(lambda: defaultdict(list))
    for rejected in report.rejected:
        field, sentence = lago.fault(rejected.detail)
        errors[owners[rejected.index]][field].append(sentence)
    return errors


def _answers(found: Sequence[_Made | Refused]) -> list[dict[str, object]]:
    now = timezone.now()
    return [_stored(made.event, now) for made in found if isinstance(made, _Made)]


def _stored(event: lago.LagoEvent, now: datetime) -> dict[str, object]:
    return {
        "lago_id": None,
        "transaction_id": event.transaction_id,
        "lago_customer_id": None,
        "lago_subscription_id": None,
        "external_subscription_id": event.external_subscription_id,
        "code": event.code,
        "timestamp": event.time or now,
        "precise_total_amount_cents": event.amount,
        "properties": event.properties or {},
        "created_at": now,
    }


def _json(body: dict[str, object], status: int = 200) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(body), "application/json", status)


def _invalid(details: object) -> HttpResponse:
    body = {
        "status": 422,
        "error": "Unprocessable Entity",
        "code": "validation_errors",
        "error_details": details,
    }
    return _json(body, 422)
