"""The ingestion API and the reads that need no prices."""

from dataclasses import asdict

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from metering import lago_api, queries
from metering.api_rows import COHORT, RANGE_OF_WEEKS
from metering.authentication import tenant_of
from metering.collectors import lago
from metering.collectors.bounds import NotObjects, TooManyEvents
from metering.collectors.cloudevents import (
    JSON,
    Batch,
    UnknownContentType,
    UnreadableBody,
    split_body,
)
from metering.ingest import Report, ingest
from metering.ingest_view import Refusal, ingest_view
from metering.models import Tenant
from metering.openapi.describe import lists, takes
from metering.openapi.events import EVENT_ANSWERS, EVENT_BODIES, EVENT_HEADERS
from metering.parameters import read_range
from metering.problems import problem

# Twelve weeks, unless a range is asked for.
RETENTION_DAYS = 84


@takes(EVENT_BODIES, EVENT_ANSWERS, *EVENT_HEADERS)
@ingest_view()
def post_events(request: HttpRequest, tenant: Tenant, body: bytes) -> HttpResponseBase:
    """`POST /api/v1/events`: CloudEvents in every mode and batch, and Lago's single event.

    An event counts once, by (tenant, source, id): the first one received wins for ever.
    """
    if request.content_type == JSON and "ce-specversion" not in request.headers:
        event = lago.single(body)
        if event is not None:
            return lago_api.post_single(tenant, event)
    try:
        bodies = split_body(request.content_type or "", request.headers, body)
        if isinstance(bodies, Batch):
            bodies.check()
        return answer(ingest(tenant, bodies), request)
    except UnknownContentType as error:
        raise Refusal(415, "Unsupported Media Type", str(error)) from None
    except TooManyEvents as error:
        raise Refusal(413, "Content Too Large", str(error)) from None
    except (UnreadableBody, NotObjects) as error:
        raise Refusal(400, "Bad Request", str(error)) from None


def answer(report: Report, request: HttpRequest) -> HttpResponse:
    """204, or what `Prefer` asks for, or 400 with what was rejected."""
    counts: dict[str, object] = {
        "accepted": report.accepted,
        "duplicates": report.duplicates,
        "conflicts": report.conflicts,
        "rejected": [asdict(rejected) for rejected in report.rejected],
    }
    if report.rejected:
        detail = f"{len(report.rejected)} went to quarantine; the others are stored"
        return problem(400, "Some events are invalid", detail, **counts)
    prefer = request.headers.get("Prefer", "")
    if "return=representation" in prefer.replace(" ", "").lower():
        return JsonResponse(counts)
    return HttpResponse(status=204)


@lists(COHORT, *RANGE_OF_WEEKS)
class Retention(APIView):
    """`GET /api/v1/retention`: a row for each week in which agents delivered for the first time."""

    def get(self, request: Request) -> Response:
        tenant = tenant_of(request)
        cohorts = queries.retention(tenant, read_range(request, tenant, RETENTION_DAYS))
        rows = [
            {
                "week": cohort.week,
                "agents": cohort.agents,
                "retained": cohort.retained,
                "rates": [str(rate) for rate in cohort.rates],
            }
            for cohort in cohorts
        ]
        return Response({"rows": rows, "next": None})
