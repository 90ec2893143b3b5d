"""What every endpoint that takes events does first: a key, its scope, a body within bounds.

And last: 503 with Retry-After when one of the databases is down, 429 when too much of the tenant's
own waits to be stored. How a refusal is worded in the
answer is the endpoint's own, for each format has its own shape of an error.
"""

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from metering.api_keys import find_api_key, note_use
from metering.authentication import key_from_header
from metering.clickhouse.connection import StoreUnavailable
from metering.group_commit import TenantWaits
from metering.key_failures import too_many
from metering.models import ApiKey, Tenant
from metering.problems import RETRY_AFTER_SECONDS, problem
from metering.request_body import BodyTooLarge, BodyUnreadable, UnknownEncoding, read_body

View = Callable[[HttpRequest, Tenant, bytes], HttpResponseBase]
Refuse = Callable[[HttpRequest, int, str, str], HttpResponse]


class Refusal(Exception):
    """A request that is answered with an error: status, title and detail."""

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.title, self.detail = status, title, detail


def as_problem(request: HttpRequest, status: int, title: str, detail: str) -> HttpResponse:
    """The refusal as `application/problem+json`."""
    return problem(status, title, detail)


def ingest_view(refuse: Refuse = as_problem) -> Callable[[View], Callable[..., HttpResponseBase]]:
    """A plain Django view out of a function of request, tenant and decoded body.

    It may raise Refusal. `refuse` makes the answer of a refusal. Not a view of REST framework: what
    every event pays for is kept short.
    """

    def decorate(view: View) -> Callable[..., HttpResponseBase]:
        @csrf_exempt
        @require_POST
        @wraps(view)
        def answer(request: HttpRequest) -> HttpResponseBase:
            try:
                tenant = _tenant(request)
                return view(request, tenant, _body(request))
            except Refusal as error:
                refusal = error
            except TenantWaits as error:
                refusal = Refusal(429, "Too Many Requests", f"{error}; send this again")
            except StoreUnavailable:
                refusal = unavailable("the event store")
            response = refuse(request, refusal.status, refusal.title, refusal.detail)
            return _with_headers(response, refusal.status)

        return answer

    return decorate


def unavailable(detail: str) -> Refusal:
    """503: nothing was lost, the same request can be sent again."""
    return Refusal(503, "Service Unavailable", f"{detail} is down; send this again")


def _tenant(request: HttpRequest) -> Tenant:
    try:
        api_key = find_api_key(key_from_header(request.headers.get("Authorization", "")) or "")
    except OperationalError:
        raise unavailable("the database") from None
    if api_key is None and too_many(request.META.get("REMOTE_ADDR", "")):
        raise Refusal(429, "Too Many Requests", "too many unknown keys from this address")
    if api_key is None:
        detail = "send a live API key: Authorization: Bearer KEY, or Basic"
        raise Refusal(401, "Unauthorized", detail)
    if ApiKey.INGEST not in api_key.scopes:
        raise Refusal(403, "Forbidden", "this API key lacks the scope 'ingest'")
    note_use(api_key)
    return api_key.tenant


def _body(request: HttpRequest) -> bytes:
    try:
        return read_body(request, settings.INGEST_MAX_BODY_BYTES)
    except BodyTooLarge as error:
        detail = f"{error}; send fewer events at a time"
        raise Refusal(413, "Content Too Large", detail) from None
    except UnknownEncoding as error:
        raise Refusal(415, "Unsupported Media Type", str(error)) from None
    except BodyUnreadable as error:
        raise Refusal(400, "Bad Request", str(error)) from None


def _with_headers(response: HttpResponse, status: int) -> HttpResponse:
    if status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="daybook"'
    if status in {429, 503}:
        response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response
