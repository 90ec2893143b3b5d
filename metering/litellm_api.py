"""`POST /api/v1/litellm`: LiteLLM's generic API logger, by the same path as every event."""

from dataclasses import replace

from django.http import HttpRequest, HttpResponseBase

from metering.api import answer
from metering.clickhouse.quarantine import UNMETERED
from metering.collectors import litellm
from metering.collectors.bounds import NotObjects, TooManyEvents
from metering.ingest import ingest
from metering.ingest_view import Refusal, ingest_view
from metering.models import Tenant
from metering.openapi.describe import takes
from metering.openapi.events import LITELLM_ANSWERS, PREFER
from metering.openapi.foreign import LITELLM_BODIES


@takes(LITELLM_BODIES, LITELLM_ANSWERS, PREFER)
@ingest_view()
def post_litellm(request: HttpRequest, tenant: Tenant, body: bytes) -> HttpResponseBase:
    """`POST /api/v1/litellm`: LiteLLM's generic API logger.

    A call that reports no usage is set aside as unmetered; it is nobody's mistake and no error.
    """
    try:
        events = litellm.events(body)
    except TooManyEvents as error:
        raise Refusal(413, "Content Too Large", str(error)) from None
    except (litellm.LiteLLMError, NotObjects) as error:
        raise Refusal(400, "Bad Request", str(error)) from None
    report = ingest(tenant, events)
    faults = [r for r in report.rejected if not r.detail.startswith(UNMETERED)]
    return answer(replace(report, rejected=faults), request)
