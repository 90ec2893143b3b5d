"""Errors as `application/problem+json` (RFC 9457), for every API of the product."""

from http import HTTPStatus
from typing import Any

from django.db import OperationalError
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views.defaults import page_not_found
from django.views.defaults import server_error as page_of_error
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.views import exception_handler

from metering.clickhouse.connection import StoreUnavailable

RETRY_AFTER_SECONDS = 2
_API = ("/api/", "/v1/")


def problem(status: int, title: str, detail: str = "", **members: object) -> JsonResponse:
    """A problem document; `members` are added to it."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **members}
    return JsonResponse(body, status=status, content_type="application/problem+json")


def store_unavailable() -> JsonResponse:
    """503: nothing was lost, the same request can be sent again."""
    return _unavailable("the event store is down; send this again")


def database_unavailable() -> JsonResponse:
    """503 for the other database."""
    return _unavailable("the database is down; send this again")


def _unavailable(detail: str) -> JsonResponse:
    response = problem(503, "Service Unavailable", detail)
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def problem_response(exc: Exception, context: dict[str, Any]) -> Any:
    """DRF's exception handler: any error of an API view as a problem document."""
    if isinstance(exc, StoreUnavailable):
        return store_unavailable()
    if isinstance(exc, OperationalError):
        return database_unavailable()
    response = exception_handler(exc, context)
    if response is None or not isinstance(exc, APIException):
        return None if response is None else _refusal(response.status_code, str(exc))
    extra = {"errors": exc.detail} if isinstance(exc, ValidationError) else {}
    answer = problem(response.status_code, exc.default_code, _sentence(exc.detail), **extra)
    for header in ("WWW-Authenticate", "Retry-After", "Allow"):
        if header in response.headers:
            answer[header] = response.headers[header]
    return answer


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django's handler404: an address of the API that is none is a problem, elsewhere a page."""
    if not request.path.startswith(_API):
        return page_not_found(request, exception)
    return _refusal(404, f"there is nothing at {request.path}")


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Django's handler500, likewise."""
    if not request.path.startswith(_API):
        return page_of_error(request)
    return _refusal(500, "this is a fault of ours; send it again, or tell the operator")


def _refusal(status: int, detail: str) -> JsonResponse:
    return problem(status, HTTPStatus(status).phrase, detail)


def _sentence(detail: Any) -> str:
    if isinstance(detail, dict):
        return "; ".join(f"{field}: {_sentence(value)}" for field, value in detail.items())
    if isinstance(detail, list):
        return " ".join(_sentence(value) for value in detail)
    return str(detail)
