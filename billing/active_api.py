"""`GET /api/v1/daa`: agents and what they cost, thin over billing.active_days."""

from dataclasses import asdict
from decimal import Decimal
from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.active_days import AgentDay, active_days
from billing.api_rows import ACTIVE_DAY, BY_ONE
from billing.rating.money import plain
from metering.authentication import tenant_of
from metering.openapi.describe import RANGE, lists
from metering.parameters import read_group_by, read_range
from metering.usage.active import DAA_DIMENSIONS

_OF_DAY = ("stickiness", "tasks_per_delivering_agent")
_OF_COST = ("cost", "cost_per_delivering_agent")


@lists(ACTIVE_DAY, *RANGE, BY_ONE)
class ActiveDays(APIView):
    """`GET /api/v1/daa`: one row for each of the tenant's days, or each value of `group_by` on it.

    A value is a fleet of its own: its numbers are those that its events alone would give.
    """

    def get(self, request: Request) -> Response:
        tenant = tenant_of(request)
        names = read_group_by(request, DAA_DIMENSIONS)
        if len(names) > 1:
            raise ValidationError({"group_by": "agents are grouped by one name at a time"})
        found = active_days(tenant, read_range(request, tenant), *names)
        rows = [_row(row) | {"currency": tenant.currency} for row in found]
        return Response({"rows": rows, "next": None})


def _row(row: AgentDay) -> dict[str, Any]:
    group = {**row.group, "group": row.group} if row.group else {}
    ratios = {name: _text(getattr(row.day, name)) for name in _OF_DAY}
    amounts = {name: _text(getattr(row, name)) for name in _OF_COST}
    return group | asdict(row.day) | ratios | amounts | {"unpriced": row.unpriced}


def _text(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)
