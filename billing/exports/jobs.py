"""Asking for a file, writing it, and removing it when its time is over. Every step may run twice.

A job that a worker was killed over is taken up anew from the start: a file is a function of what is
stored, so it comes to the same bytes.
"""

import hashlib
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from billing.exports.ask import Ask, ExportError
from billing.exports.expected import expected_rows
from billing.exports.job import STALE, ExportJob, export_folder
from billing.exports.registry import EXPORTS, Count, export
from metering import audit
from metering.actor import current_actor
from metering.models import Tenant
from metering.queries import StoreUnavailable

Status = ExportJob.Status
_ALIVE_SECONDS = 1.0
# More that wait would only take longer; the file that one wants is likely among them.
MOST_OPEN = 20
# How long a job is listed after its file is gone.
LISTED = timedelta(days=30)


class LostJob(Exception):
    """Another worker has taken the job up; nothing of this one's is kept."""


def request_export(tenant: Tenant, ask: Ask) -> ExportJob:
    """A job for the file; the one that is there where the same is being made already.

    Raises ExportError for what cannot be had.
    """
    EXPORTS[ask.kind].check([tenant], ask)
    expected = expected_rows(tenant, ask)
    with transaction.atomic():
        Tenant.objects.select_for_update().get(pk=tenant.pk)
        waiting = tenant.exports.filter(status__in=ExportJob.OPEN)
        same = waiting.filter(kind=ask.kind, month=ask.month, options=ask.options).first()
        if same is not None:
            return same
        if waiting.count() >= MOST_OPEN:
            raise ExportError("kind", f"{MOST_OPEN} exports are being made; wait for one of them")
        now = timezone.now()
        job = ExportJob.objects.create(
            tenant=tenant,
            kind=ask.kind,
            month=ask.month,
            options=ask.options,
            actor=current_actor(),
            expected_rows=expected,
            created_at=now,
            alive_at=now,
        )
        audit.record("export.requested", f"{ask.kind} of {ask.month}", tenant)
        transaction.on_commit(lambda: _enqueue(job))
    return job


def write_export(job_id: str) -> None:
    """Write the file of a job, unless that is done or another worker is at it."""
    job = _taken(job_id)
    if job is None:
        return
    try:
        _write(job)
    except LostJob:
        pass
    except StoreUnavailable:
        _own(job).update(status=Status.QUEUED)
        raise
    except Exception as error:
        _own(job).update(status=Status.FAILED, problem=_sentence(error))
        raise
    finally:
        job.part_path.unlink(missing_ok=True)


def stale_jobs() -> list[ExportJob]:
    """Jobs whose worker is gone, or whose message is lost."""
    before = timezone.now() - STALE
    return list(ExportJob.objects.filter(status__in=ExportJob.OPEN, alive_at__lt=before))


def expire_exports() -> None:
    """Remove the files whose time is over, those that no job knows, and jobs of long ago."""
    now = timezone.now()
    for job in ExportJob.objects.filter(status=Status.DONE, expires_at__lte=now):
        job.path.unlink(missing_ok=True)
        ExportJob.objects.filter(pk=job.pk).update(status=Status.EXPIRED)
    ExportJob.objects.exclude(status__in=[*ExportJob.OPEN, Status.DONE]).filter(
        created_at__lt=now - LISTED
    ).delete()
    # What a killed worker left; a file that is being written is younger.
    for part in export_folder().glob("*.part"):
        if part.stat().st_mtime < time.time() - 10 * STALE.total_seconds():
            part.unlink(missing_ok=True)


def _enqueue(job: ExportJob) -> None:
    from billing.tasks import make_export  # noqa: PLC0415 - the task calls this module

    make_export.delay(str(job.pk))


def _taken(job_id: str) -> ExportJob | None:
    """The job as one that this worker alone has, if nobody else has it."""
    now = timezone.now()
    free = Q(status=Status.QUEUED) | Q(status=Status.RUNNING, alive_at__lt=now - STALE)
    taken = ExportJob.objects.filter(free, pk=job_id).update(
        status=Status.RUNNING, attempt=F("attempt") + 1, alive_at=now, rows=0, size=0
    )
    return ExportJob.objects.select_related("tenant").get(pk=job_id) if taken else None


def _own(job: ExportJob) -> "QuerySet[ExportJob]":
    """The job's row while this attempt has it."""
    return ExportJob.objects.filter(pk=job.pk, attempt=job.attempt, status=Status.RUNNING)


def _write(job: ExportJob) -> None:
    folder = export_folder()
    folder.mkdir(parents=True, exist_ok=True)
    digest, size, count = hashlib.sha256(), 0, Count()
    with job.part_path.open("wb") as file:
        for chunk in _reported(job, export(job.ask, [job.tenant], count), count):
            digest.update(chunk)
            size += file.write(chunk)
    _finish(job, count.rows, size, digest.hexdigest())


def _finish(job: ExportJob, rows: int, size: int, sha256: str) -> None:
    """Say that it is done and put the file in place: both, or the job is taken up again."""
    now = timezone.now()
    with transaction.atomic():
        done = _own(job).update(
            status=Status.DONE,
            rows=rows,
            size=size,
            sha256=sha256,
            alive_at=now,
            finished_at=now,
            expires_at=now + timedelta(seconds=settings.EXPORT_LINK_SECONDS),
        )
        if not done:
            raise LostJob
        job.part_path.replace(job.path)


def _reported(job: ExportJob, chunks: Iterable[bytes], count: Count) -> Iterator[bytes]:
    """The chunks, while the job says about once a second how far it is."""
    told = time.monotonic()
    for chunk in chunks:
        yield chunk
        if time.monotonic() - told >= _ALIVE_SECONDS:
            told = time.monotonic()
            if not _own(job).update(rows=count.rows, alive_at=timezone.now()):
                raise LostJob


def _sentence(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
