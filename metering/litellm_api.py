"""`POST /api/v1/litellm`: LiteLLM's generic API logger, by the same path as every event."""

from dataclasses import replace

from django.http import HttpRequest, HttpResponseBase

from metering.api import answer
from metering.clickhouse.quarantine import UNMETERED
from metering.collectors import litellm
from metering.ingest import ingest
from metering.ingest_view import Refusal, ingest_view
from metering.models import Tenant


@ingest_view()
def post_litellm(request: HttpRequest, tenant: Tenant, body: bytes) -> HttpResponseBase:
    """204, or 400 with what was rejected; what is only unmetered is nobody's mistake."""
    try:
        events = litellm.events(body)
    except litellm.LiteLLMError as error:
        raise Refusal(400, "Bad Request", str(error)) from None
    report = ingest(tenant, events)
    faults = [r for r in report.rejected if not r.detail.startswith(UNMETERED)]
    return answer(replace(report, rejected=faults), request)
