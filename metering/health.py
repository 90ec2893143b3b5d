"""`GET /healthz`: 200 when database and event store answer, else 503 with what does not."""

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from metering.clickhouse.connection import StoreUnavailable, select
from metering.openapi.describe import JSON, open_to_all
from metering.openapi.schemas import component, record, text

_HEALTH = component(
    "Health",
    record({name: text("", "ok", "down") for name in ("database", "event_store")}),
)


@open_to_all({(200, JSON): _HEALTH, (503, JSON): _HEALTH})
@csrf_exempt  # so that another method is a 405
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """`GET /healthz`: whether it is ready to take events and to answer."""
    checks = {"database": _database_answers(), "event_store": _store_answers()}
    status = 200 if all(checks.values()) else 503
    return JsonResponse(
        {name: "ok" if works else "down" for name, works in checks.items()}, status=status
    )


def _database_answers() -> bool:
    try:
        connection.ensure_connection()
    except DatabaseError:
        return False
    return True


def _store_answers() -> bool:
    try:
        select("SELECT 1")
    except StoreUnavailable:
        return False
    return True
