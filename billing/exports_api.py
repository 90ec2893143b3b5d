"""The finance files over HTTP."""

from collections.abc import Mapping

from django.http import Http404, StreamingHttpResponse
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

from billing import exports_api_rows as described
from billing.exports.ask import OPTIONS, Ask, ExportError, read_ask
from billing.exports.registry import EXPORTS
from billing.exports.response import csv_response
from metering.authentication import tenant_of
from metering.openapi.describe import CSV, shows


@shows({"type": "string"}, *described.EXPORT, kind=CSV, found=True)
class Export(APIView):
    """`GET /api/v1/exports/{kind}.csv?period=2026-10`: the bytes of the command `export`."""

    def get(self, request: Request, kind: str) -> StreamingHttpResponse:
        if kind not in EXPORTS:
            raise Http404(f"there is no export {kind}")
        try:
            return csv_response(tenant_of(request), asked(kind, request.query_params))
        except ExportError as error:
            raise ValidationError({error.field: error.problem}) from error


def asked(kind: str, parameters: Mapping[str, str]) -> Ask:
    """The ask that the parameters of a query make; others are not ours. Raises ExportError."""
    options = {name: parameters[name] for name in OPTIONS if parameters.get(name)}
    return read_ask(kind, parameters.get("period", ""), options)
