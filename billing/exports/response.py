"""An export as an answer over HTTP, for page and API alike."""

import base64
from collections.abc import Iterator

from django.http import FileResponse, StreamingHttpResponse

from billing.exports.ask import Ask
from billing.exports.job import ExportJob
from billing.exports.registry import export
from metering.models import Tenant

CONTENT_TYPE = "text/csv; charset=utf-8; header=present"


def csv_response(tenant: Tenant, ask: Ask) -> StreamingHttpResponse:
    """The file of one tenant, as it is made. Raises ExportError."""
    response = StreamingHttpResponse(_started(export(ask, [tenant])), content_type=CONTENT_TYPE)
    response["Content-Disposition"] = f'attachment; filename="{ask.file_name(tenant.slug)}"'
    return response


def _started(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same chunks, two of them already made: a store that is down is then still a 503."""
    first = [chunk for _, chunk in zip(range(2), chunks, strict=False)]

    def all_chunks() -> Iterator[bytes]:
        yield from first
        yield from chunks

    return all_chunks()


def file_response(job: ExportJob) -> FileResponse:
    """The file of a job that is done, with its checksum (RFC 9530). Raises FileNotFoundError."""
    name = job.ask.file_name(job.tenant.slug)
    response = FileResponse(
        job.path.open("rb"), as_attachment=True, filename=name, content_type=CONTENT_TYPE
    )
    digest = base64.b64encode(bytes.fromhex(job.sha256)).decode()
    response["Repr-Digest"] = f"sha-256=:{digest}:"
    return response
