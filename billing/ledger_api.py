"""The read API of the task ledger: thin, over billing.ledger."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.http import Http404
from django.urls import reverse
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing import ledger_api_rows as api_rows
from billing.api_values import fields as _fields
from billing.api_values import value as _json
from billing.dearest_tasks import Ranked, TooManyTasks, dearest
from billing.ledger import LedgerRow, ledger_rows
from billing.task_events import CostedEvent, costed_events
from metering import task_queries
from metering.authentication import tenant_of
from metering.models import Tenant
from metering.openapi.describe import lists, shows
from metering.parameters import read_range
from metering.task_queries import LedgerFilter
from metering.usage.ledger import STATUSES, TaskLine
from metering.usage.meter import LABEL
from metering.usage.period import Period

PAGE, MOST = 100, 500
# Room for every digit of a cost.
LONGEST_AMOUNT = 400
_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
# Those that the store's calendar has.
_YEARS = range(1970, 2200)
# A longer tree is added up and not listed.
TREE_ROWS = 500

_LINE_FIELDS = (
    "task",
    "agent",
    "session",
    "status",
    "time",
    "started_at",
    "ended_at",
    "fingerprint",
    "labels",
    "models",
)
_USE_FIELDS = (
    "event_count",
    "requests",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_long_tokens",
    "output_tokens",
    "reasoning_tokens",
    "prompt_tokens",
    "total_tokens",
    "cache_lookups",
    "cache_hits",
    "saved_tokens",
    "chip_seconds",
    "chip_seconds_active",
    "chip_seconds_idle",
    "chip_seconds_cold_start",
    "tool_calls",
    "tool_errors",
)
_MONEY_FIELDS = ("cost", "unpriced", "price", "price_unknown", "margin")
_CALL_PARTS = ("useful", "repeated", "failed", "retried")
_FILTERS = ("agent", "session", "parent_task", "model", "prefix")
_SORTED = ("sort", "min_cost", "after_time", "after_cost", "after_task")
_KNOWN = (*_FILTERS, "parent", "status", "from", "to", "limit", *_SORTED)
_PLACE = ("time", "source", "id")
Row = dict[str, Any]


@shows(api_rows.PAGE, *api_rows.FILTERS)
class Tasks(APIView):
    """`GET /api/v1/tasks`: a page of the ledger, the newest outcome first."""

    def get(self, request: Request) -> Response:
        tenant = tenant_of(request)
        matching, limit = read_filter(request), _limit(request)
        # Read in either order, so that a place that cannot be one is never passed over.
        period, after = read_range(request, tenant), _after(request)
        costs = {name: _amount(request, name) for name in ("after_cost", "min_cost")}
        if _choice(request, "sort", ("time", "cost")) == "cost":
            rank = None
            if "after_task" in request.query_params:
                rank = Ranked(costs["after_cost"], request.query_params["after_task"])
            lines, places = _dearest(tenant, period, matching, rank, costs["min_cost"])
        else:
            lines = task_queries.ledger(tenant, period, matching, after, limit + 1)
            places = [{"after_time": _json(line.time)} for line in lines]
        found = ledger_rows(tenant, lines[:limit])
        following = None
        if len(lines) > limit:
            place = places[limit - 1] | {"after_task": lines[limit - 1].task}
            following = _following(request, place)
        rows = [row_json(row, tenant, request) for row in found.rows]
        return Response({"rows": rows, "next": following, "charged_to_no_task": found.nobody})


@shows(api_rows.DETAIL, api_rows.TASK, found=True)
class Task(APIView):
    """`GET /api/v1/tasks/{id}`: one task with its tree and the first of its events."""

    def get(self, request: Request, task: str) -> Response:
        tenant = tenant_of(request)
        line = own_task(tenant, task)
        found = ledger_rows(tenant, [line])
        below = found.below.get(task)
        return Response(
            row_json(found.rows[0], tenant, request)
            | {
                "tree": [row_json(row, tenant, request) for row in (below or [])[:TREE_ROWS]],
                "tree_is_whole": below is not None and len(below) <= TREE_ROWS,
                "charged_to_no_task": found.nobody,
                "events": _events(request, tenant, line, None, PAGE),
            }
        )


@lists(api_rows.EVENT, api_rows.TASK, *api_rows.AFTER_EVENT, found=True)
class TaskEvents(APIView):
    """`GET /api/v1/tasks/{id}/events`: the events of a task in order, a page at a time."""

    def get(self, request: Request, task: str) -> Response:
        tenant = tenant_of(request)
        line = own_task(tenant, task)
        after = None
        if "time" in request.query_params:
            parameters = request.query_params
            after = (_moment(request, "time"), *(parameters.get(name, "") for name in _PLACE[1:]))
        return Response(_events(request, tenant, line, after, _limit(request)))


def own_task(tenant: Tenant, task: str) -> TaskLine:
    """The tenant's task; a 404 for anything else, and for another tenant's."""
    line = task_queries.find_task(tenant, task)
    if line is None:
        raise Http404(f"there is no task {task!r}")
    return line


def read_filter(request: Request) -> LedgerFilter:
    """The filters of the address; one that does not exist is a 400 that names it."""
    parameters = request.query_params
    labels = [name for name in parameters if name.startswith(LABEL) and name != LABEL]
    if parameters.get("min_cost") and parameters.get("sort") != "cost":
        raise ValidationError({"min_cost": "goes with sort=cost, as both price every task"})
    for name in parameters:
        if name not in _KNOWN and name not in labels:
            choices = ", ".join((*_KNOWN, "labels.<key>"))
            raise ValidationError({name: f"is not a filter of tasks; they are {choices}"})
    asked = parameters.get("status", "")
    statuses = tuple(asked.split(",")) if asked else ()
    for status in statuses:
        if status not in STATUSES:
            raise ValidationError({"status": f"{status!r} is not one of {', '.join(STATUSES)}"})
    values = {name: parameters.get(name, "") for name in _FILTERS}
    values["parent_task"] = values["parent_task"] or parameters.get("parent", "")
    return LedgerFilter(
        statuses=statuses,
        labels=tuple((name.removeprefix(LABEL), parameters[name]) for name in labels),
        **values,
    )


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(PAGE))
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= MOST):
        raise ValidationError({"limit": f"must be a number from 1 to {MOST}, not {text!r}"})
    return int(text)


def _after(request: Request) -> tuple[datetime, str] | None:
    if "after_time" not in request.query_params:
        return None
    return _moment(request, "after_time"), request.query_params.get("after_task", "")


def _moment(request: Request, name: str) -> datetime:
    text = request.query_params[name]
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValidationError({name: f"{text!r} is not a moment"}) from None
    if moment.tzinfo is None:
        raise ValidationError({name: "has no time zone"})
    if moment.year not in _YEARS:
        raise ValidationError({name: f"must be from {_YEARS[0]} to {_YEARS[-1]}"})
    return moment


def _dearest(
    tenant: Tenant,
    period: Period,
    matching: LedgerFilter,
    after: Ranked | None,
    least: Decimal | None,
) -> tuple[list[TaskLine], list[Row]]:
    """The lines by cost, each with what names its place."""
    try:
        found = dearest(tenant, period, matching, after, least)
    except TooManyTasks as error:
        raise ValidationError({"sort": str(error)}) from None
    places: list[Row] = [{"after_cost": _json(rank.cost) or ""} for rank, _ in found]
    return [line for _, line in found], places


def _amount(request: Request, name: str) -> Decimal | None:
    text = request.query_params.get(name, "")
    if not text:
        return None
    if not _DECIMAL.fullmatch(text) or len(text) > LONGEST_AMOUNT:
        raise ValidationError({name: f"{text[:40]!r} is not an amount such as 0.25"})
    return Decimal(text)


def _choice(request: Request, name: str, choices: tuple[str, ...]) -> str:
    """One of the choices, the first where nothing is asked."""
    text = request.query_params.get(name, choices[0])
    if text not in choices:
        raise ValidationError({name: f"{text!r} is not one of {', '.join(choices)}"})
    return text


def _following(request: Request, place: Row) -> str:
    """The same question, continued after a place."""
    parameters = dict(request.query_params.items())
    return str(request.build_absolute_uri(f"?{urlencode(parameters | place)}"))


def _events(
    request: Request, tenant: Tenant, line: TaskLine, after: Any, limit: int
) -> dict[str, Any]:
    found = costed_events(tenant, line, after, limit + 1)
    following = None
    if len(found) > limit:
        place = dict(zip(_PLACE, map(_json, found[limit - 1].event.place), strict=True))
        asked = {"limit": limit} if limit != PAGE else {}
        address = reverse("api-task-events", args=[line.task])
        following = request.build_absolute_uri(f"{address}?{urlencode(place | asked)}")
    return {"rows": [event_json(item) for item in found[:limit]], "next": following}


def event_json(item: CostedEvent) -> Row:
    """An event of a task with what it says and what it cost."""
    event = item.event
    head = {name: _json(getattr(event, name)) for name in (*_PLACE, "type", "agent")}
    data = {name: _json(value) for name, value in event.data.items()}
    return head | {"data": data, "cost": _json(item.cost), "unpriced": item.unpriced}


def row_json(row: LedgerRow, tenant: Tenant, request: Request) -> Row:
    """A line of the ledger; amounts and decimals are strings."""
    line, calls, units = row.line, row.parts.calls, row.parts.units
    known = {name: getattr(calls, name) for name in _CALL_PARTS}
    known |= {"chips": units.chips, "tools": units.tools}
    return (
        _fields(line, _LINE_FIELDS)
        | {
            "url": request.build_absolute_uri(reverse("api-task", args=[line.task])),
            "parent_task": line.parent_task or None,
        }
        | _fields(line.use, _USE_FIELDS)
        | _fields(row.money, _MONEY_FIELDS)
        | {"cost_parts": {name: _json(value) for name, value in known.items()}}
        | {"currency": tenant.currency, "with_subtasks": _tree(row)}
    )


def _tree(row: LedgerRow) -> Row | None:
    if row.tree is None:
        return None
    return (
        {"subtasks": row.tree.subtasks}
        | _fields(row.tree.use, _USE_FIELDS)
        | _fields(row.tree.money, _MONEY_FIELDS)
    )
