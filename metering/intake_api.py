"""`GET /api/v1/ingestion`: what came in, hour by hour, and whether all of it is somewhere."""

from datetime import datetime

from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from metering import queries
from metering.authentication import tenant_of
from metering.intake_api_rows import AFTER_HOUR, INGESTION_HOUR
from metering.openapi.describe import RANGE, lists
from metering.parameters import next_page, read_range
from metering.reconciliation import GRACE, HourLine, ledger
from metering.usage.period import Period

PAGE = 1_000


@lists(INGESTION_HOUR, *RANGE, AFTER_HOUR)
class Ingestion(APIView):
    """`GET /api/v1/ingestion`: one row for each hour in which anything was received.

    Hours are of UTC, by the event store's clock.
    """

    def get(self, request: Request) -> Response:
        tenant = tenant_of(request)
        period = read_range(request, tenant)
        start = max(period.start, _after(request) or period.start)
        if start >= period.end:
            return Response({"rows": [], "next": None})
        hours = queries.intake(tenant, Period(start, period.end))
        end = hours[PAGE].hour if len(hours) > PAGE else period.end
        lines = ledger(tenant, Period(start, end), timezone.now() - GRACE)
        following = next_page(request, end.isoformat()) if len(hours) > PAGE else None
        return Response({"rows": [_row(line) for line in lines], "next": following})


def _row(line: HourLine) -> dict[str, object]:
    wrong = [{"events": fault.events, "detail": fault.wrong} for fault in line.faults]
    return line.counts._asdict() | {"adds_up": line.adds_up, "faults": wrong}


def _after(request: Request) -> datetime | None:
    """`after`, where the page before ended."""
    text = request.query_params.get("after")
    try:
        moment = None if text is None else datetime.fromisoformat(text)
        if moment and moment.tzinfo is None:
            raise ValueError
    except ValueError:
        raise ValidationError({"after": f"{text!r} is not the end of a page"}) from None
    return moment
