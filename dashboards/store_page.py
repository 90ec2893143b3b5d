"""What a page says while the event store is down."""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from dashboards.frame import render_page
from metering.models import Tenant
from metering.queries import StoreUnavailable

Answer = TypeVar("Answer", bound=HttpResponseBase)


def needs_store(view: Callable[..., Answer]) -> Callable[..., Answer | HttpResponse]:
    """A page that says what failed and what still works, where the event store is down."""

    @wraps(view)
    def page(request: HttpRequest, tenant: Tenant, **named: object) -> Answer | HttpResponse:
        try:
            return view(request, tenant, **named)
        except StoreUnavailable as error:
            context = {"problem": str(error)}
            template = "dashboards/store_down.html"
            response = render_page(request, tenant, template, context, status=503)
            response["Retry-After"] = "30"
            return response

    return page
