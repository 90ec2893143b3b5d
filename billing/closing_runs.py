"""A close of a month that somebody asked for: what is done of it, for whoever waits.

The record decides nothing: a worker that is killed leaves it behind, the next one goes on, and
what was closed already stays as it is.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date

from django.db import IntegrityError, transaction
from django.utils import timezone

from billing.closing_run import ClosingRun
from billing.invoicing import CHUNK, Closed, close_month
from metering import audit
from metering.models import Tenant


class AlreadyRunningError(Exception):
    """Two runs of a month would only wait for each other."""


def ask(month: date, *, finalize: bool, asked_by: str) -> ClosingRun:
    """A run to be worked on. AlreadyRunningError while another of the month goes on."""
    with transaction.atomic():
        for other in ClosingRun.objects.filter(month=month, finished_at=None):
            if other.lost:
                ClosingRun.objects.filter(pk=other.pk).update(finished_at=timezone.now())
        try:
            with transaction.atomic():
                run = ClosingRun.objects.create(month=month, finalize=finalize, asked_by=asked_by)
        except IntegrityError as error:
            raise AlreadyRunningError(f"{month:%Y-%m} is being closed already") from error
        audit.record("month.close", f"{month:%Y-%m}", finalize=str(finalize).lower())
    return run


def work(run: ClosingRun, chunk: int = CHUNK) -> None:
    """Close the month for every tenant, and write down after each chunk how far it is."""
    if run.finished_at is not None:
        return
    tenants = list(Tenant.objects.order_by("pk"))
    counts: Counter[str] = Counter()
    _move(run, tenants=len(tenants), done=0, **_counted(counts))
    for lot in _lots(tenants, chunk):
        closed = list(close_month(f"{run.month:%Y-%m}", lot, finalize=run.finalize, chunk=chunk))
        counts.update(map(_outcome, closed))
        _move(run, done=run.done + len(lot), **_counted(counts))
    _move(run, finished_at=timezone.now())


def _outcome(closed: Closed) -> str:
    if closed.invoice is None:
        return "nothing"
    return "drafted" if closed.invoice.number is None else "finalized"


def _counted(counts: Counter[str]) -> dict[str, int]:
    return {name: counts[name] for name in ("finalized", "drafted", "nothing")}


def _lots(tenants: list[Tenant], size: int) -> Iterator[list[Tenant]]:
    return (tenants[n : n + size] for n in range(0, len(tenants), size))


def _move(run: ClosingRun, **values: object) -> None:
    for name, value in (values | {"moved_at": timezone.now()}).items():
        setattr(run, name, value)
    run.save(update_fields=[*values, "moved_at"])
