"""The read of alerts."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from metering.api_rows import ALERT
from metering.authentication import tenant_of
from metering.models import Alert
from metering.openapi.describe import lists, parameter
from metering.parameters import next_page, read_choice, read_number
from metering.usage.alert import CLEARS_AT, FIRES_BELOW

PAGE = 100


@lists(
    ALERT,
    parameter("state", {"type": "string", "enum": ["firing", "cleared"]}, "Only these."),
    parameter(
        "after",
        {"type": "integer", "minimum": 0, "maximum": 999_999_999_999_999_999},
        "The id of the last row of the page before.",
    ),
)
class Alerts(APIView):
    """`GET /api/v1/alerts`: what is firing and what was, the latest first; `state` chooses."""

    def get(self, request: Request) -> Response:
        found = Alert.objects.filter(tenant=tenant_of(request))
        state = read_choice(request, "state", ("firing", "cleared"))
        if state:
            found = found.filter(cleared_at__isnull=state == "firing")
        if last := read_number(request, "after"):
            found = found.filter(pk__lt=last)
        rows = list(found[: PAGE + 1])
        following = None
        if len(rows) > PAGE:
            following = next_page(request, str(rows[PAGE - 1].pk))
        return Response({"rows": [_alert(row) for row in rows[:PAGE]], "next": following})


def _alert(row: Alert) -> dict[str, object]:
    return {
        "id": row.pk,
        "kind": row.kind,
        "state": row.state,
        "value": row.value or None,
        "lowest": row.lowest,
        "fires_below": str(FIRES_BELOW),
        "clears_at": str(CLEARS_AT),
        "fired_at": row.fired_at,
        "checked_at": row.checked_at,
        "cleared_at": row.cleared_at,
    }
