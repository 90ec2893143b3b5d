"""Long finance files over HTTP: asked for, followed, fetched."""

import uuid
from typing import Any
from urllib.parse import urlencode

from django.http import FileResponse, Http404
from django.urls import reverse
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing import exports_api_rows as described
from billing.exports.ask import OPTIONS, ExportError, read_ask
from billing.exports.job import ExportJob
from billing.exports.jobs import request_export
from billing.exports.registry import EXPORTS
from billing.exports.response import file_response
from metering.api_body import json_of
from metering.authentication import CanRead, tenant_of
from metering.openapi.describe import CSV, JSON, acts, lists, shows

LISTED = 100
_FIELDS = ("kind", "period", *OPTIONS)


@lists(described.JOB)
class ExportJobs(APIView):
    """`GET /api/v1/exports`: the files that were asked for, the latest first.

    Those of the last 30 days, at most a hundred.
    """

    def get(self, request: Request) -> Response:
        jobs = tenant_of(request).exports.select_related("tenant")[:LISTED]
        return Response({"rows": [shown(job, request) for job in jobs], "next": None})

    @acts({202: described.JOB}, bodies={JSON: described.ASKED}, refusals=(413,))
    def post(self, request: Request) -> Response:
        """`POST /api/v1/exports`: have a file made that is too long to wait for.

        The answer is the job; where the same file is being made already, that one's.
        """
        asked = _asked(json_of(request, object))
        kind, month = asked.pop("kind", ""), asked.pop("period", "")
        if kind not in EXPORTS:
            raise ValidationError({"kind": f"{kind!r} is not one of {', '.join(EXPORTS)}"})
        try:
            job = request_export(tenant_of(request), read_ask(kind, month, asked))
        except ExportError as error:
            raise ValidationError({error.field: error.problem}) from error
        return Response(shown(job, request), status=202)


@shows(described.JOB, found=True)
class ExportJobDetail(APIView):
    """`GET /api/v1/exports/jobs/{job}`: how far it is, and once it is done where the file is."""

    def get(self, request: Request, job: uuid.UUID) -> Response:
        found = tenant_of(request).exports.select_related("tenant").filter(pk=job).first()
        if found is None:
            raise Http404(f"there is no export {job}")
        return Response(shown(found, request))


class SignedOrCanRead(CanRead):
    """A link with a signature needs no key; the view looks whether the signature is right."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return "signature" in request.query_params or super().has_permission(request, view)


@shows({"type": "string"}, described.SIGNATURE, kind=CSV, found=True)
class ExportJobFile(APIView):
    """`GET /api/v1/exports/jobs/{job}/file`: the file, by a key or by the link that the job has.

    The link serves until it expires, whoever has it. `Repr-Digest` is the file's SHA-256.
    """

    permission_classes = (SignedOrCanRead,)

    def get(self, request: Request, job: uuid.UUID) -> FileResponse:
        signature = request.query_params.get("signature")
        jobs = ExportJob.objects.select_related("tenant").filter(pk=job)
        if signature is None:
            jobs = jobs.filter(tenant=tenant_of(request))
        found = jobs.first()
        if found is None or not found.available or not _may(found, signature):
            raise Http404(f"there is no file of the export {job}, or its time is over")
        try:
            return file_response(found)
        except FileNotFoundError:
            raise Http404(f"the file of the export {job} is gone; ask for it again") from None


def _may(job: ExportJob, signature: str | None) -> bool:
    """Without a signature it was looked for among the key's own."""
    return signature is None or job.signed(signature)


def shown(job: ExportJob, request: Request) -> dict[str, Any]:
    """A job as the API tells it."""
    return {
        "id": str(job.pk),
        "kind": job.kind,
        "period": job.month,
        "options": job.options,
        "status": ExportJob.Status(job.status).value,
        "rows": job.rows,
        "expected_rows": job.expected_rows,
        "bytes": job.size if job.sha256 else None,
        "sha256": job.sha256 or None,
        "problem": job.problem or None,
        "created_at": job.created_at,
        "finished_at": job.finished_at,
        "expires_at": job.expires_at,
        "url": request.build_absolute_uri(file_address(job)) if job.available else None,
    }


def file_address(job: ExportJob) -> str:
    """The link to the file, which serves until it expires."""
    address = reverse("api-export-job-file", args=[job.pk])
    return f"{address}?{urlencode({'signature': job.signature})}"


def _asked(body: object) -> dict[str, str]:
    if not isinstance(body, dict):
        raise ValidationError({"body": "must be a JSON object"})
    for name, value in body.items():
        if name not in _FIELDS:
            raise ValidationError({str(name): f"is not one of {', '.join(_FIELDS)}"})
        if not isinstance(value, str):
            raise ValidationError({name: "must be a text"})
    return body
