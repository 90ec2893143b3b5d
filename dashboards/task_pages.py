"""The list of tasks and the page of one, as they are written."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from billing.dearest_tasks import Ranked
from billing.ledger import LedgerRow, LedgerRows, TaskMoney
from billing.task_events import CostedEvent
from dashboards import formats
from dashboards.charts import task as chart
from dashboards.pages import Chart, Fact
from dashboards.ranges import RangeError
from metering.models import Tenant
from metering.task_queries import LedgerFilter
from metering.usage.ledger import STATUSES
from metering.usage.meter import LABEL

# More would not be looked at; the API has all of them.
MOST_STEPS = 200
MOST_SUBTASKS = 200
_LOOKS = {"succeeded": "good", "failed": "bad", "cancelled": "warn"}
_DRAWN = ("agent.tokens", "agent.tool", "agent.chip", "agent.cache")
_FIELDS = ("prefix", "agent", "session", "model")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskText:
    """A task as a row of a table; `depth` is how far below the task of the page it is."""

    task: str
    agent: str
    status: str
    look: str
    when: str
    took: str
    tokens: str
    tools: str
    chips: str
    cost: str
    tree_cost: str
    margin: str
    subtasks: str
    depth: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPage:
    """One task: what it is, what it came to, its waterfall and its sub-tasks."""

    head: TaskText
    parent: str
    facts: list[Fact]
    money: list[Fact]
    unknown: list[str]
    waterfall: Chart | None
    hidden_steps: bool
    subtasks: list[TaskText]
    hidden_subtasks: int | None


def read_filter(params: Mapping[str, str]) -> LedgerFilter:
    """The filters in the address. Raises RangeError, in one sentence."""
    status, label = params.get("status", ""), params.get("label", "")
    if status and status not in STATUSES:
        raise RangeError(f"status: {status!r} is not one of {', '.join(STATUSES)}.")
    key, found, value = label.removeprefix(LABEL).partition("=")
    if label and not (found and key):
        raise RangeError(f"label: {label!r} is not written as key=value.")
    return LedgerFilter(
        statuses=(status,) if status else (),
        labels=((key, value),) if label else (),
        parent_task=params.get("parent_task", ""),
        **{name: params.get(name, "").strip() for name in _FIELDS},
    )


def read_after(params: Mapping[str, str]) -> tuple[datetime, str] | None:
    """The place of the last task on the page before. Raises RangeError."""
    if "after_time" not in params:
        return None
    try:
        moment = datetime.fromisoformat(params["after_time"])
    except ValueError:
        raise RangeError("The place of the page cannot be read.") from None
    if moment.tzinfo is None:
        raise RangeError("The place of the page cannot be read.")
    return moment, params.get("after_task", "")


def read_rank(params: Mapping[str, str]) -> Ranked | None:
    """The same where the dearest come first. Raises RangeError."""
    if "after_task" not in params:
        return None
    text = params.get("after_cost", "")
    try:
        cost = Decimal(text) if text else None
    except InvalidOperation:
        raise RangeError("The place of the page cannot be read.") from None
    if cost is not None and not cost.is_finite():
        raise RangeError("The place of the page cannot be read.")
    return Ranked(cost, params["after_task"])


def task_texts(rows: Sequence[LedgerRow], tenant: Tenant) -> list[TaskText]:
    """Rows of the list."""
    return [_text(row, tenant) for row in rows]


def task_page(found: LedgerRows, events: list[CostedEvent], tenant: Tenant) -> TaskPage:
    """The page of the first row, with the tasks below it."""
    [row] = found.rows
    below = found.below.get(row.line.task)
    return TaskPage(
        head=_text(row, tenant),
        parent=row.line.parent_task,
        facts=list(_facts(row)),
        money=list(_money(row.money, tenant.currency)),
        unknown=[*row.money.unpriced, *row.money.price_unknown],
        waterfall=_waterfall(events[:MOST_STEPS], tenant),
        hidden_steps=len(events) > MOST_STEPS,
        subtasks=_subtasks(row, below or [], tenant),
        hidden_subtasks=None if below is None else max(0, len(below) - MOST_SUBTASKS),
    )


def _text(row: LedgerRow, tenant: Tenant, depth: int = 0) -> TaskText:
    line, use, currency = row.line, row.line.use, tenant.currency
    errors = f", {use.tool_errors} failed" if use.tool_errors else ""
    ended = line.ended_at or line.last_time
    return TaskText(
        task=line.task,
        agent=line.agent,
        status=line.status,
        look=_LOOKS.get(line.status, ""),
        when=formats.clock(line.time.astimezone(ZoneInfo(tenant.timezone))),
        took=formats.duration(max(ended - line.started_at, timedelta(0)) // timedelta(seconds=1)),
        tokens=formats.count(use.total_tokens),
        tools=f"{formats.count(use.tool_calls)}{errors}",
        chips=formats.count(round(use.chip_seconds)),
        cost=chart.cost(row.money.cost, currency),
        tree_cost=chart.cost(row.tree.money.cost, currency) if row.tree else formats.NONE,
        margin=_amount(row.money.margin, currency),
        subtasks=formats.count(row.tree.subtasks) if row.tree else "many",
        depth=depth,
    )


def _amount(amount: Decimal | None, currency: str) -> str:
    return formats.NONE if amount is None else formats.rate(amount, currency)


def _facts(row: LedgerRow) -> Iterator[Fact]:
    use = row.line.use
    yield "Model calls", formats.count(use.requests)
    for name, tokens in (
        ("Input tokens", use.input_tokens),
        ("Read from a cache", use.cache_read_tokens),
        ("Written to a cache", use.cache_write_tokens),
        ("Output tokens", use.output_tokens),
    ):
        yield name, formats.count(tokens)
    yield "Look-ups in caches", f"{formats.count(use.cache_hits)} of {use.cache_lookups} hit"
    yield "Tool calls", f"{formats.count(use.tool_calls)}, {use.tool_errors} failed"
    for name, held in (
        ("Chip-seconds, active", use.chip_seconds_active),
        ("Chip-seconds, idle", use.chip_seconds_idle),
        ("Chip-seconds, cold start", use.chip_seconds_cold_start),
    ):
        yield name, formats.count(held)


def _money(money: TaskMoney, currency: str) -> Iterator[Fact]:
    yield "Cost", chart.cost(money.cost, currency)
    yield "Price by the plan", _amount(money.price, currency)
    yield "Margin", _amount(money.margin, currency)


def _waterfall(events: Sequence[CostedEvent], tenant: Tenant) -> Chart | None:
    steps = [_step(item) for item in events if item.event.type in _DRAWN]
    if not steps:
        return None
    steps.sort(key=lambda step: step.start)
    figure = chart.figure(steps, tenant.currency, tenant.timezone)
    words = f"Bars along time: {len(steps)} model calls, tools, look-ups and chips of the task"
    table = chart.table(steps, tenant.currency, tenant.timezone)
    return Chart("waterfall", figure.to_plotly_json(), words, table)


def _step(item: CostedEvent) -> chart.Step:
    """A call's event stands at its end; how long it took reaches back from there."""
    event, data = item.event, item.event.data
    took = timedelta(milliseconds=data.get("duration_ms") or 0)
    start, end = event.time - took, event.time
    match event.type:
        case "agent.tokens":
            prompt = data["input_tokens"] + data["cache_read_tokens"] + data["cache_write_tokens"]
            detail = f"{prompt:,} in, {data['output_tokens']:,} out"
            again = f", attempt {data['attempt']}" if data["attempt"] > 1 else ""
            name = f"{data['model']}{again}"
        case "agent.chip":
            start, end = data["started_at"], data["ended_at"]
            name, detail = f"{data['count'].normalize():f} × {data['chip']}", data["phase"]
        case "agent.tool":
            name, detail = data["tool"], data["status"]
        case _:
            name, detail = data["cache"], "hit" if data["hit"] else "missed"
    return chart.Step(
        kind=event.type, name=name, start=start, end=end, detail=detail, cost=item.cost
    )


def _subtasks(row: LedgerRow, below: Sequence[LedgerRow], tenant: Tenant) -> list[TaskText]:
    """As a tree is read: each task right before its own sub-tasks."""
    children: dict[str, list[LedgerRow]] = {}
    for one in below:
        children.setdefault(one.line.parent_task, []).append(one)
    found: list[TaskText] = []
    waiting = [(one, 1) for one in reversed(children.pop(row.line.task, []))]
    while waiting and len(found) < MOST_SUBTASKS:
        one, depth = waiting.pop()
        found.append(_text(one, tenant, depth))
        waiting += [(child, depth + 1) for child in reversed(children.pop(one.line.task, []))]
    return found
