"""The read of the audit log."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from metering.api_rows import AUDIT_ENTRY
from metering.audit import log_of
from metering.authentication import tenant_of
from metering.models import AuditEntry
from metering.openapi.describe import lists, parameter
from metering.parameters import next_page, read_number

PAGE = 100


@lists(
    AUDIT_ENTRY,
    parameter(
        "after",
        {"type": "integer", "minimum": 0, "maximum": 999_999_999_999_999_999},
        "The position of the last row of the page before.",
    ),
)
class Audit(APIView):
    """`GET /api/v1/audit`: who did what to the tenant, the latest first."""

    def get(self, request: Request) -> Response:
        rows = log_of(tenant_of(request), PAGE + 1, read_number(request, "after"))
        following = None
        if len(rows) > PAGE:
            following = next_page(request, str(rows[PAGE - 1].position))
        return Response({"rows": [_row(row) for row in rows[:PAGE]], "next": following})


def _row(entry: AuditEntry) -> dict[str, object]:
    return {
        "position": entry.position,
        "moment": entry.moment,
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "details": entry.details,
        "previous": entry.previous,
        "digest": entry.digest,
    }
