"""`GET /healthz`: 200 when database and event store answer, else 503 with what does not."""

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from metering.clickhouse.connection import StoreUnavailable, select


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Ready to take events and to answer."""
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
