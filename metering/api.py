"""The ingestion API and the reads that need no prices."""

from dataclasses import asdict

from django.conf import settings
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from metering import queries
from metering.api_keys import find_api_key
from metering.authentication import key_from_header, tenant_of
from metering.clickhouse.connection import StoreUnavailable
from metering.collectors.cloudevents import UnknownContentType, UnreadableBody, split_body
from metering.ingest import Report, ingest
from metering.models import ApiKey
from metering.parameters import page_after, read_range
from metering.problems import database_unavailable, problem, store_unavailable
from metering.request_body import BodyTooLarge, BodyUnreadable, UnknownEncoding, read_body

PAGE = 100


@csrf_exempt
@require_POST
def post_events(request: HttpRequest) -> HttpResponseBase:
    """`POST /api/v1/events`. A plain view: what every event pays for is kept short."""
    try:
        api_key = find_api_key(key_from_header(request.headers.get("Authorization", "")) or "")
    except OperationalError:
        return database_unavailable()
    if api_key is None:
        return _unauthorized()
    if ApiKey.INGEST not in api_key.scopes:
        return problem(403, "Forbidden", "this API key lacks the scope 'ingest'")
    try:
        body = read_body(request, settings.INGEST_MAX_BODY_BYTES)
        bodies = split_body(request.content_type or "", request.headers, body)
    except BodyTooLarge as error:
        return problem(413, "Content Too Large", f"{error}; send fewer events at a time")
    except (UnknownEncoding, UnknownContentType) as error:
        return problem(415, "Unsupported Media Type", str(error))
    except (BodyUnreadable, UnreadableBody) as error:
        return problem(400, "Bad Request", str(error))
    try:
        report = ingest(api_key.tenant, bodies)
    except StoreUnavailable:
        return store_unavailable()
    return _answer(report, request.headers.get("Prefer", ""))


def _answer(report: Report, prefer: str) -> HttpResponse:
    counts: dict[str, object] = {
        "accepted": report.accepted,
        "duplicates": report.duplicates,
        "conflicts": report.conflicts,
        "rejected": [asdict(rejected) for rejected in report.rejected],
    }
    if report.rejected:
        detail = f"{len(report.rejected)} went to quarantine; the others are stored"
        return problem(400, "Some events are invalid", detail, **counts)
    if "return=representation" in prefer.replace(" ", "").lower():
        return JsonResponse(counts)
    return HttpResponse(status=204)


def _unauthorized() -> HttpResponse:
    response = problem(
        401, "Unauthorized", "send a live API key: Authorization: Bearer KEY, or Basic"
    )
    response["WWW-Authenticate"] = 'Bearer realm="daybook"'
    return response


class ActiveDays(APIView):
    """`GET /api/v1/daa`: one row for each of the tenant's days."""

    def get(self, request: Request) -> Response:
        tenant = tenant_of(request)
        days = queries.daa(tenant, read_range(request, tenant))
        rows = [
            asdict(day) | {"stickiness": None if day.stickiness is None else str(day.stickiness)}
            for day in days
        ]
        return Response({"rows": rows, "next": None})


class Quarantine(APIView):
    """`GET /api/v1/quarantine`: what was refused and why, a page at a time."""

    def get(self, request: Request) -> Response:
        rows = queries.quarantined(tenant_of(request), PAGE + 1, page_after(request))
        following = None
        if len(rows) > PAGE:
            following = request.build_absolute_uri(f"?after={rows[PAGE - 1].reference}")
        return Response({"rows": [row._asdict() for row in rows[:PAGE]], "next": following})
