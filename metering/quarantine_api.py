"""The quarantine by API: listed and counted, its bytes, replayed repaired or not, dropped."""

import uuid
from dataclasses import asdict
from datetime import datetime

import msgspec
from django.http import Http404, HttpResponse
from drf_spectacular.utils import OpenApiResponse
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from metering import quarantine
from metering.api_body import body_of
from metering.authentication import CanIngest, CanRead, tenant_of
from metering.clickhouse.quarantine_query import STATES, WAITING, Entries, Quarantined
from metering.collectors.cloudevents import STRUCTURED
from metering.intake_api_rows import (
    ALL,
    DROP_BODY,
    FILTERS,
    LISTED,
    QUARANTINE_ROW,
    QUARANTINED,
    REASON,
    REPLAYED,
)
from metering.models import ApiKey, Tenant
from metering.openapi.describe import JSON, Answers, acts, lists, shows
from metering.openapi.events import EVENT
from metering.openapi.foreign import LITELLM_PAYLOAD
from metering.parameters import next_page, page_after, read_choice, read_moment
from metering.quarantine import Outcome

PAGE = 100
BINARY = "application/octet-stream"
_GROUPS = ("detail", "source")
# What the reader of a list needs; the bytes as they came are at an address of their own.
_SHOWN = tuple(name for name in Quarantined._fields if name != "raw")
_DROPPED: Answers = {204: OpenApiResponse(None, "It is marked.")}
_REPAIRED = {STRUCTURED: EVENT, JSON: {"anyOf": [EVENT, LITELLM_PAYLOAD]}}


class _Drop(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a DELETE."""

    reason: str = ""


class Conflict(APIException):
    """The entry is not in a state in which this can be done."""

    status_code = 409
    default_code = "Conflict"


class _Act(APIView):
    """Reading takes the scope `read`; what changes anything takes `ingest`."""

    def get_permissions(self) -> list[BasePermission]:
        return [CanRead() if self.request.method in {"GET", "HEAD", "OPTIONS"} else CanIngest()]


@lists(QUARANTINE_ROW, *LISTED)
class QuarantineList(APIView):
    """`GET /api/v1/quarantine`: what waits and why, a page at a time.

    With `group_by` it is counted by `detail` or `source`, the hundred most frequent.
    """

    def get(self, request: Request) -> Response:
        entries = _asked(request, tenant_of(request))
        by = read_choice(request, "group_by", _GROUPS)
        if by:
            rows = [reason._asdict() for reason in entries.by(by, PAGE)]
            return Response({"rows": [{by: row.pop("name")} | row for row in rows], "next": None})
        found = entries.page(PAGE + 1, page_after(request))
        following = None
        if len(found) > PAGE:
            following = next_page(request, str(found[PAGE - 1].reference))
        return Response({"rows": [_shown(entry) for entry in found[:PAGE]], "next": following})


@shows(QUARANTINED, found=True)
class QuarantineEntry(_Act):
    """`GET /api/v1/quarantine/{reference}`: one entry, whatever has become of it."""

    def get(self, request: Request, reference: uuid.UUID) -> Response:
        return Response(_shown(_own(request, reference)))

    @acts(_DROPPED, REASON, bodies={JSON: DROP_BODY}, refusals=(404, 409, 413))
    def delete(self, request: Request, reference: uuid.UUID) -> Response:
        """`DELETE /api/v1/quarantine/{reference}`: mark it as not worth repairing, and why.

        It is kept with its bytes, and goes on counting as quarantined.
        """
        entry = _own(request, reference)
        try:
            quarantine.drop(tenant_of(request), entry, _actor(request), _reason(request))
        except quarantine.NotWaiting as error:
            raise Conflict(str(error)) from None
        except ValueError as error:
            raise ValidationError({"reason": str(error).removeprefix("reason: ")}) from None
        return Response(status=204)


@shows({"type": "string", "format": "binary"}, kind=BINARY, found=True)
class QuarantineBody(APIView):
    """`GET /api/v1/quarantine/{reference}/body`: the bytes as they came."""

    def get(self, request: Request, reference: uuid.UUID) -> HttpResponse:
        return body_file(_own(request, reference))


class QuarantineReplay(_Act):
    """`POST /api/v1/quarantine/{reference}/replay`: as it is, or repaired.

    The body is the repaired event, in JSON; of what LiteLLM sent it may be LiteLLM's payload.
    Without a body the last attempt to mend the entry is sent again, or what came. If it is refused
    again, it waits on with the new reason and the attempt.
    """

    @acts(REPLAYED, bodies=_REPAIRED, refusals=(404, 409, 413))
    def post(self, request: Request, reference: uuid.UUID) -> Response:
        entry = _own(request, reference)
        body = body_of(request).strip()
        try:
            outcome = quarantine.replay(tenant_of(request), entry, _actor(request), body or None)
        except quarantine.NotWaiting as error:
            raise Conflict(str(error)) from None
        for _, detail in outcome.still_waiting:
            raise ValidationError({"event": detail})
        return Response(_counts(outcome))


class QuarantineReplayAll(_Act):
    """`POST /api/v1/quarantine/replay`: everything that waits and matches the filters.

    At least one filter is needed, or `all=true`.
    """

    @acts(REPLAYED, *FILTERS, ALL)
    def post(self, request: Request) -> Response:
        tenant = tenant_of(request)
        asked = [name for name in _FILTERS if request.query_params.get(name)]
        everything = read_choice(request, "all", tuple(_TRUTH)) == "true"
        if not asked and not everything:
            raise ValidationError({"detail": "say which by detail and the like, or all=true"})
        if request.query_params.get("state", WAITING) != WAITING:
            raise ValidationError({"state": "only what is waiting can be replayed"})
        outcome = quarantine.replay_all(tenant, _asked(request, tenant), _actor(request))
        failed = [{"reference": str(r), "detail": d} for r, d in outcome.still_waiting[:PAGE]]
        return Response(_counts(outcome) | {"rejected": failed})


_FILTERS = ("detail", "source", "unmetered", "received_from", "received_to")
_TRUTH = {"true": True, "false": False}


def body_file(entry: Quarantined) -> HttpResponse:
    """The bytes of an entry as a download."""
    response = HttpResponse(entry.raw, content_type=BINARY)
    response["Content-Disposition"] = f'attachment; filename="{entry.reference}.json"'
    return response


def _asked(request: Request, tenant: Tenant) -> Entries:
    state = read_choice(request, "state", (*STATES, "all")) or WAITING
    unmetered = read_choice(request, "unmetered", tuple(_TRUTH))
    source = request.query_params.get("source")
    return Entries(
        tenant=tenant.id,
        state="" if state == "all" else state,
        detail=request.query_params.get("detail", ""),
        source=source,
        unmetered=_TRUTH[unmetered] if unmetered else None,
        received_from=_moment(request, tenant, "received_from"),
        received_to=_moment(request, tenant, "received_to"),
    )


def _moment(request: Request, tenant: Tenant, name: str) -> datetime | None:
    return read_moment(request, name, tenant)


def _own(request: Request, reference: uuid.UUID) -> Quarantined:
    entry = quarantine.find(tenant_of(request), reference)
    if entry is None:
        raise Http404
    return entry


def _shown(entry: Quarantined) -> dict[str, object]:
    return {name: getattr(entry, name) for name in _SHOWN} | {"unmetered": entry.unmetered}


def _counts(outcome: Outcome) -> dict[str, object]:
    counts = asdict(outcome)
    del counts["still_waiting"]
    return counts | {"rejected": []}


def _actor(request: Request) -> str:
    return f"API key {request.auth.hint}…" if isinstance(request.auth, ApiKey) else ""


def _reason(request: Request) -> str:
    """Why an entry is dropped, from the query or a body in JSON."""
    try:
        body = msgspec.json.decode(body_of(request) or b"{}", type=_Drop)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValidationError({"body": f'is not {{"reason": …}} in JSON: {error}'}) from None
    given = {request.query_params.get("reason", ""), body.reason} - {""}
    if len(given) > 1:
        raise ValidationError({"reason": "is one in the query and another in the body"})
    return "".join(given)
