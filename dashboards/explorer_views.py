"""The spend explorer: its page, its table as a file, and the events behind a number."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from billing.exports.csv_writer import csv_lines
from dashboards import explorer as page
from dashboards.charts import spend
from dashboards.explorer import CAUSE, NEXT, Question
from dashboards.explorer_chart import chart, legend
from dashboards.frame import render_page
from dashboards.quarantine_pages import local_clock
from dashboards.range_page import range_context, range_page
from dashboards.ranges import DateRange
from metering import queries
from metering.models import Tenant
from metering.usage.meter import DIMENSIONS, LABEL, Meter

EVENTS = 100
# What money is spent on, as the events behind it are.
KINDS = {"tokens": "Model calls", "chip": "Chips", "tool": "Tools"}
View = Callable[[HttpRequest, Tenant, Question], HttpResponse]


def asked(view: View) -> Callable[..., HttpResponseBase]:
    """Give the view the question in the address, or say what is wrong with it."""

    @range_page("Spend", "explorer")
    @wraps(view)
    def found(request: HttpRequest, tenant: Tenant, dates: DateRange) -> HttpResponse:
        return view(request, tenant, page.read_question(request.GET, dates))

    return found


@asked
def explorer(request: HttpRequest, tenant: Tenant, question: Question) -> HttpResponse:
    """Spend by what is asked for, as a chart, a table and a way down."""
    found = page.answer(tenant, question)
    context: dict[str, Any] = {
        "question": question,
        "chart": chart(found, tenant.currency),
        "legend": legend(found, tenant.currency),
        "lines": page.value_lines(found, tenant.currency),
        "total": page.total_line(found, tenant.currency),
        "hidden": max(0, len(found.values) - page.MOST_ROWS),
        "causes": [cause.label for cause in spend.CAUSES],
        "groups": _groups(tenant, question),
        "filters": [
            (name, page.value_name(value, name), question.without(name).query)
            for name, value in question.filters
        ],
        **range_context(tenant, question.dates, keep=question.kept),
    }
    return render_page(request, tenant, "dashboards/explorer.html", context)


@asked
def explorer_csv(request: HttpRequest, tenant: Tenant, question: Question) -> HttpResponse:
    """The table of the page with every value and every digit."""
    rows = page.file_rows(page.answer(tenant, question))
    lines = csv_lines(page.file_columns(question), rows)
    response = HttpResponse(lines, content_type="text/csv; charset=utf-8; header=present")
    name = f"{tenant.slug}-spend-{question.dates.start}-{question.dates.end}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@asked
def explorer_events(request: HttpRequest, tenant: Tenant, question: Question) -> HttpResponse:
    """The events behind a number, a page at a time, of one kind."""
    kind = request.GET.get("kind", "")
    kind = kind if kind in KINDS else next(iter(KINDS))
    found = _events(request, tenant, question, f"agent.{kind}")
    last = found[EVENTS - 1] if len(found) > EVENTS else None
    after = {"kind": kind, "source": last.source, "id": last.id} if last else {}
    if last:
        after["time"] = last.time.isoformat()
    context = {
        "question": question,
        "filters": [(name, page.value_name(value, name)) for name, value in question.filters],
        "kinds": [(name, words, name == kind) for name, words in KINDS.items()],
        "kind": kind,
        "rows": [(local_clock(row.time, tenant), row) for row in found[:EVENTS]],
        "following": urlencode(after),
        "first_page": "time" not in request.GET,
        **range_context(tenant, question.dates, keep=question.kept),
    }
    return render_page(request, tenant, "dashboards/explorer_events.html", context)


def _events(
    request: HttpRequest, tenant: Tenant, question: Question, kind: str
) -> list[queries.EventRow]:
    """None where this kind of event has no such thing as a filter asks for."""
    known_names = [*DIMENSIONS[kind], *(n for n, _ in question.filters if n.startswith(LABEL))]
    if any(value and name not in known_names for name, value in question.filters):
        return []
    own = [(name, value) for name, value in question.filters if name in known_names]
    meter, period = Meter(type=kind, aggregation="count"), question.dates.period
    return queries.evidence(tenant, meter, period, own, after=_after(request), limit=EVENTS + 1)


def _after(request: HttpRequest) -> tuple[datetime, str, str] | None:
    try:
        time = datetime.fromisoformat(request.GET.get("time", ""))
    except ValueError:
        return None
    if time.tzinfo is None:
        return None
    return time, request.GET.get("source", ""), request.GET.get("id", "")


def _groups(tenant: Tenant, question: Question) -> list[tuple[str, str, bool]]:
    """What else it can be grouped by: a name, the address, whether it is so now."""
    labels = [f"{LABEL}{key}" for key in queries.label_keys(tenant, question.dates.period)]
    own = [question.group] if question.group.startswith(LABEL) else []
    names = dict.fromkeys([CAUSE, *NEXT, *labels, *own])
    taken = {name for name, _ in question.filters}
    return [
        (name.replace("_", " "), question.by(name).query, name == question.group)
        for name in names
        if name not in taken
    ]
