"""The read of what caches above the model avoided."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing import api_rows
from billing.avoided import CacheRow, caches
from billing.rating.money import plain
from metering.authentication import tenant_of
from metering.clickhouse.cache_query import CACHE_DIMENSIONS
from metering.openapi.describe import RANGE, group_by, lists
from metering.parameters import read_group_by, read_range


@lists(api_rows.CACHE, *RANGE, group_by(CACHE_DIMENSIONS))
class Caches(APIView):
    """`GET /api/v1/caches`: what caches above the model avoided, a row for each of them."""

    def get(self, request: Request) -> Response:
        tenant = tenant_of(request)
        names = read_group_by(request, CACHE_DIMENSIONS)
        found = caches(tenant, read_range(request, tenant), names)
        rows = [_row(row) | {"currency": tenant.currency} for row in found]
        return Response({"rows": rows, "next": None})


def _row(row: CacheRow) -> dict[str, object]:
    rate, cost = row.cache_hit_rate, row.avoided_cost
    return {
        **row.group,
        **({"group": row.group} if row.group else {}),
        "cache": row.cache,
        "lookups": row.lookups,
        "hits": row.hits,
        "cache_hit_rate": None if rate is None else plain(rate),
        "saved_tokens": row.saved_tokens,
        "avoided_cost": None if cost is None else plain(cost),
        "unpriced": row.unpriced,
    }
