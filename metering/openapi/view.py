"""Where the description is served."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response

from metering.openapi.describe import PROBLEM_JSON, parameter
from metering.openapi.schemas import PROBLEM, text

_YAML = ("application/vnd.oai.openapi", "application/yaml")
_JSON = ("application/vnd.oai.openapi+json", "application/json")


class DescriptionView(SpectacularAPIView):
    """`GET /api/schema/`: this description, in YAML or, asked for by `Accept` or `format`, JSON."""

    content_negotiation_class = DefaultContentNegotiation

    @extend_schema(
        parameters=[parameter("format", text("What `Accept` says if empty.", "", "json", "yaml"))],
        responses={
            (200, *_YAML, *_JSON): OpenApiTypes.OBJECT,
            (404, PROBLEM_JSON): OpenApiResponse(PROBLEM, "A format there is not."),
        },
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        answer: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        return answer
