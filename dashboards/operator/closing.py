"""A month's close: how far it is, which invoices are held and why, and what was started."""

from collections import Counter
from datetime import date
from typing import Any

from django.urls import reverse

from billing.closing_run import ClosingRun
from billing.models import Invoice
from billing.tenants_queries import held
from dashboards import formats
from dashboards.operator.months import shifted, this_month
from dashboards.operator.tables import Cell, Column, Figure, Section, Sums, pill
from dashboards.operator.unpriced import held_section
from metering.models import Tenant

_RUNS = 10


def closing_page(month: date) -> dict[str, Any]:
    """Figures, the run that goes on, held drafts and earlier runs."""
    runs = list(ClosingRun.objects.filter(month=month)[:_RUNS])
    current = next((run for run in runs if run.finished_at is None), None)
    drafts = held(month)
    return {
        "month": month,
        "before": shifted(month, -1),
        "after": shifted(month, 1) if month < this_month() else None,
        "over": shifted(month, 1) <= this_month(),
        "run": current,
        "said": _said(current.done, current.tenants) if current else "",
        "figures": _figures(month, len(drafts)),
        "sections": [held_section(drafts, month), _runs(runs)],
    }


def _figures(month: date, waiting: int) -> list[Figure]:
    counts: Counter[str] = Counter()
    drafted, final = Sums(), Sums()
    rows = Invoice.objects.filter(month=month).exclude(status=Invoice.Status.VOID)
    for status, currency, total in rows.values_list("status", "currency", "total"):
        is_draft = status == Invoice.Status.DRAFT
        counts["drafts" if is_draft else "finalized"] += 1
        (drafted if is_draft else final).add(currency, total)
    tenants = Tenant.objects.count()
    without = tenants - counts.total()
    return [
        Figure("Finalized", formats.count(counts["finalized"]), str(final)),
        Figure("Drafts", formats.count(counts["drafts"]), str(drafted)),
        Figure("Held", formats.count(waiting), "something they need has no price"),
        Figure("Without", formats.count(max(without, 0)), f"of {formats.count(tenants)} tenants"),
    ]


def _runs(runs: list[ClosingRun]) -> Section:
    return Section(
        title="What was started from here",
        columns=(
            Column("When"),
            Column("Asked by", text=True),
            Column("What", text=True),
            Column("State", text=True),
            Column("Finalized"),
            Column("Drafts"),
            Column("Nothing to invoice"),
        ),
        rows=[_run(run) for run in runs],
        nothing="Nothing yet. Drafts of the month that ended are also made by themselves, hourly.",
    )


def _run(run: ClosingRun) -> list[Cell]:
    if run.finished_at is not None:
        state = pill("done", "good") if run.done == run.tenants else pill("given up", "warn")
    else:
        state = pill("lost its worker", "bad") if run.lost else pill("running")
    return [
        formats.moment(run.started_at, "UTC") + " UTC",
        run.asked_by,
        "draft and finalize" if run.finalize else "draft",
        state,
        *(formats.count(number) for number in (run.finalized, run.drafted, run.nothing)),
    ]


def progress_of(month: date) -> dict[str, Any]:
    """How far the month's run is, for the page that waits for it."""
    run = ClosingRun.objects.filter(month=month).first()
    running = run is not None and run.finished_at is None and not run.lost
    done, of = (run.done, run.tenants) if run else (0, 0)
    return {"running": running, "done": done, "tenants": of, "said": _said(done, of)}


def _said(done: int, of: int) -> str:
    if not of:
        return "waiting for a worker"
    return f"{formats.count(done)} of {formats.count(of)} tenants"


def address(month: date) -> str:
    """The page of a month."""
    return f"{reverse('operator-close')}?month={month:%Y-%m}"
