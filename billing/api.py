"""The read API of everything that has to do with money: thin, over billing.queries."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import Http404
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing import api_rows, queries
from billing.api_values import fields as _fields
from billing.api_values import money
from billing.api_values import value as _json
from billing.evidence import line_events
from billing.models import Invoice, InvoiceLine
from billing.prepaid.queries import credit_of
from billing.rating.money import EXACT, plain
from billing.standing import standing
from metering.authentication import tenant_of
from metering.clickhouse.usage_query import USAGE_DIMENSIONS
from metering.openapi.describe import RANGE, group_by, lists, shows
from metering.parameters import read_group_by, read_range
from metering.queries import unmetered_requests

LINES_PAGE = 500
EVENTS_PAGE = 100

_TOKEN_FIELDS = (
    "requests",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
)
_USAGE_FIELDS = (*_TOKEN_FIELDS, "tasks", "succeeded_tasks", "tool_calls", "chip_seconds")
_SUM_FIELDS = (
    *_TOKEN_FIELDS,
    "cache_write_long_tokens",
    "prompt_tokens",
    "total_tokens",
    "hit_rate",
    "reusable_tokens",
    "repeated_tokens",
    "repeated_share",
    "failed_tokens",
    "retried_tokens",
    "effective_tokens",
    "efficiency",
)
_COST_FIELDS = (
    "token_cost",
    "cost_per_million_tokens",
    "token_efficiency_cost",
    "succeeded_tasks",
    "cost_per_succeeded_task",
    "repeat_tasks",
    "repeat_work",
    "saving_in_reach",
    "unpriced",
)
_BURST_FIELDS = (
    "peak",
    "mean",
    "p95",
    "baseline_chip_seconds",
    "credited_chip_seconds",
    "burst_chip_seconds",
    "idle_chip_seconds",
    "cold_starts",
    "dormancy",
    "bursts",
)
_BURST_AMOUNTS = (
    "baseline",
    "amount",
    "reserved_peak_amount",
    "reserved_hourly_amount",
    "saving",
    "hourly_saving",
)
_INVOICE_FIELDS = ("number", "kind", "status", "currency", "period_start", "period_end")
_LINE_FIELDS = (
    "position",
    "code",
    "description",
    "quantity",
    "unit",
    "unit_amount",
    "group",
    "period_start",
    "period_end",
    "correction",
    "kind",
)
_STANDING = ("due", "paid", "remaining", "overpaid")
_EVENT_FIELDS = ("time", "source", "id", "type", "agent", "task")
Row = dict[str, Any]


@lists(api_rows.USAGE, *RANGE, group_by(USAGE_DIMENSIONS))
class Usage(APIView):
    """`GET /api/v1/usage`: what was used and what it cost, by group."""

    def get(self, request: Request) -> Response:
        tenant = tenant_of(request)
        group_by = read_group_by(request, USAGE_DIMENSIONS)
        period = read_range(request, tenant)
        found = queries.usage(tenant, period, group_by)
        # What is set aside belongs to no group.
        unmetered = None if group_by else unmetered_requests(tenant, period)
        rows = [
            _grouped(row.usage.group)
            | _fields(row.usage, _USAGE_FIELDS)
            | {"unmetered_requests": unmetered}
            | {"cost": _json(row.cost), "currency": tenant.currency, "unpriced": row.unpriced}
            for row in found
        ]
        return Response({"rows": rows, "next": None})


@lists(api_rows.EFFICIENCY, *RANGE, group_by(queries.CALL_DIMENSIONS))
class Efficiency(APIView):
    """`GET /api/v1/efficiency`: how much of the tokens was of use, by group."""

    def get(self, request: Request) -> Response:
        tenant = tenant_of(request)
        group_by = read_group_by(request, queries.CALL_DIMENSIONS)
        found = queries.efficiency(tenant, read_range(request, tenant), group_by)
        rows = [
            _grouped(row.group)
            | _fields(row.sums, _SUM_FIELDS)
            | _fields(row, _COST_FIELDS)
            | {"currency": tenant.currency}
            for row in found
        ]
        return Response({"rows": rows, "next": None})


@lists(api_rows.BURST, *RANGE)
class Bursts(APIView):
    """`GET /api/v1/bursts`: one row for each chip."""

    def get(self, request: Request) -> Response:
        tenant = tenant_of(request)
        rows = [
            {"chip": row.chip}
            | _fields(row.usage, _BURST_FIELDS)
            | _fields(row, _BURST_AMOUNTS)
            | {"currency": tenant.currency, "contract": row.contract is not None}
            for row in queries.bursts(tenant, read_range(request, tenant))
        ]
        return Response({"rows": rows, "next": None})


@lists(api_rows.INVOICE, *RANGE)
class Invoices(APIView):
    """`GET /api/v1/invoices`: the latest first; a draft has no number yet."""

    def get(self, request: Request) -> Response:
        tenant = tenant_of(request)
        found = queries.invoices(tenant).prefetch_related("payments").select_related("tenant")
        if {"from", "to"} & request.query_params.keys():
            period = read_range(request, tenant)
            found = found.filter(period_start__gte=period.start, period_start__lt=period.end)
        return Response({"rows": [invoice_row(invoice) for invoice in found], "next": None})


@shows(api_rows.INVOICE_WITH_LINES, found=True)
class InvoiceDetail(APIView):
    """`GET /api/v1/invoices/{number}`: one invoice with its lines."""

    def get(self, request: Request, number: str) -> Response:
        invoice = own_invoice(request, number)
        lines = [line_row(line) for line in _lines(invoice)]
        return Response(invoice_row(invoice) | {"lines": lines})


@lists(api_rows.LINE, api_rows.AFTER_LINE, found=True)
class InvoiceLines(APIView):
    """`GET /api/v1/invoices/{number}/lines`: a page of lines, after a position."""

    def get(self, request: Request, number: str) -> Response:
        text = request.query_params.get("after", "0")
        if not (text.isascii() and text.isdecimal() and len(text) < 10):
            raise ValidationError({"after": f"{text!r} is not the position of a line"})
        lines = _lines(own_invoice(request, number))
        page = list(lines.filter(position__gt=int(text))[: LINES_PAGE + 1])
        following = None
        if len(page) > LINES_PAGE:
            following = request.build_absolute_uri(f"?after={page[LINES_PAGE - 1].position}")
        return Response({"rows": [line_row(line) for line in page[:LINES_PAGE]], "next": following})


@lists(api_rows.EVENT, *api_rows.AFTER_EVENT, found=True)
class LineEvents(APIView):
    """`GET /api/v1/invoices/{number}/lines/{position}/events`: what the line was counted from."""

    def get(self, request: Request, number: str, position: int) -> Response:
        line = own_invoice(request, number).lines.filter(position=position).first()
        if line is None:
            raise Http404(f"invoice {number} has no line {position}")
        found = line_events(line, _read_place(request), EVENTS_PAGE + 1)
        following = None
        if len(found) > EVENTS_PAGE:
            last = found[EVENTS_PAGE - 1]
            place = urlencode({"time": last.time.isoformat(), "source": last.source, "id": last.id})
            following = request.build_absolute_uri(f"?{place}")
        rows = [_fields(event, _EVENT_FIELDS) for event in found[:EVENTS_PAGE]]
        return Response({"rows": rows, "next": following})


def _read_place(request: Request) -> tuple[datetime, str, str] | None:
    """`time`, `source` and `id` of the last event of the page before."""
    parameters = request.query_params
    if "time" not in parameters:
        return None
    try:
        time = datetime.fromisoformat(parameters["time"])
    except ValueError:
        raise ValidationError({"time": f"{parameters['time']!r} is not a moment"}) from None
    if time.tzinfo is None:
        raise ValidationError({"time": "has no time zone"})
    return time, parameters.get("source", ""), parameters.get("id", "")


def own_invoice(request: Request, number: str) -> Invoice:
    """The tenant's invoice; a 404 for anything else, and for another tenant's."""
    invoice = queries.invoices(tenant_of(request)).filter(number=number).first()
    if invoice is None:
        raise Http404(f"there is no invoice {number}")
    return invoice


def _grouped(group: dict[str, str]) -> Row:
    """The group's values under their own names, and together."""
    return {**group, "group": group} if group else {}


def invoice_row(invoice: Invoice) -> Row:
    """An invoice without its lines."""
    stands, credit = standing(invoice), credit_of(invoice)
    amounts = {name: money(getattr(invoice, name)) for name in ("subtotal", "tax", "total")}
    amounts |= {f"amount_{name}": money(getattr(stands, name)) for name in _STANDING}
    if invoice.status == Invoice.Status.DRAFT:
        amounts["amount_due"] = money(EXACT.subtract(invoice.total, credit))
    moments = {"paid_at": _json(stands.paid_at), "due_at": _json(stands.due_at)}
    more = {"tax_percent": plain(invoice.tax_percent), "not_charged": invoice.not_charged}
    fields = _fields(invoice, _INVOICE_FIELDS) | {"credits_applied": money(credit)}
    return fields | amounts | moments | more | {"unpriced": invoice.unpriced}


def _lines(invoice: Invoice) -> "QuerySet[InvoiceLine]":
    return invoice.lines.select_related("corrects").order_by("position")


def line_row(line: InvoiceLine) -> Row:
    """A line of an invoice."""
    corrects = line.corrects.number if line.corrects else None
    amount = {"amount": f"{line.amount:f}"}
    return _fields(line, _LINE_FIELDS) | {"corrects": corrects} | amount
