"""The product's addresses, and the yardstick of single events: authenticated, and then nothing."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from metering.ingest_view import ingest_view
from metering.models import Tenant


@ingest_view()
def post_nothing(request: HttpRequest, tenant: Tenant, body: bytes) -> HttpResponse:
    """Takes what an event would take to come in, and keeps nothing."""
    return HttpResponse(status=204)


urlpatterns = [path("bench/nothing", post_nothing), path("", include("config.urls"))]
