"""Asks the sources of chip telemetry that are due, each by one worker at a time.

A claim keeps two workers from asking the same one. It is a courtesy: were both to ask, the identity
of intervals and the scrapes that are kept would make them count once all the same.
"""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from metering.chip_collection import collect_url
from metering.clickhouse.connection import StoreUnavailable
from metering.collectors.chips import ChipError
from metering.models import ChipSource

logger = logging.getLogger(__name__)

# Longer than asking and storing can take.
_CLAIM = timedelta(minutes=3)
_LONGEST_ERROR = 1000
_UNKNOWN = "it failed; the log of the worker says how"


def due_sources() -> list[int]:
    """The ids of the sources that are to be asked now."""
    now = timezone.now()
    return [source.pk for source in _free(now) if _is_due(source, now)]


def collect_source(source_id: int) -> bool:
    """Ask one source if it is due and nobody else does; whether it was asked.

    What goes wrong stands in its `last_error` and once in the log, and is tried again when it is
    due the next time.
    """
    now = timezone.now()
    source = _free(now).filter(pk=source_id).select_related("tenant").first()
    if source is None or not _is_due(source, now) or not _claimed(source, now):
        return False
    error = _UNKNOWN
    try:
        error = _collected(source)
    finally:
        ChipSource.objects.filter(pk=source.pk, claimed_until=now + _CLAIM).update(
            claimed_until=None, last_error=error
        )
    if error and error != source.last_error:
        logger.warning("%s: %s", source, error)
    return True


def _free(now: datetime) -> "QuerySet[ChipSource]":
    unclaimed = Q(claimed_until=None) | Q(claimed_until__lte=now)
    return ChipSource.objects.filter(unclaimed, enabled=True)


def _is_due(source: ChipSource, now: datetime) -> bool:
    """Half a tick early rather than a whole one late."""
    wait = source.every_seconds - settings.COLLECT_EVERY_SECONDS / 2
    return source.last_run_at is None or source.last_run_at + timedelta(seconds=wait) <= now


def _claimed(source: ChipSource, now: datetime) -> bool:
    """Of those who saw the same last run only one gets it."""
    same = _free(now).filter(pk=source.pk, last_run_at=source.last_run_at)
    return bool(same.update(last_run_at=now, claimed_until=now + _CLAIM))


def _collected(source: ChipSource) -> str:
    """What went wrong; nothing mostly."""
    try:
        report = collect_url(source.tenant, source.kind, source.url, source.chip)
    except (ChipError, StoreUnavailable) as error:
        return str(error)[:_LONGEST_ERROR]
    if not report.rejected:
        return ""
    first = report.rejected[0].detail
    return f"{len(report.rejected)} in quarantine; the first: {first}"[:_LONGEST_ERROR]
