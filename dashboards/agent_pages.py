"""The pages of agents: the fleet of a range, and one agent alone."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils.html import format_html

from dashboards import formats
from dashboards.cards import UNPRICED, Card, known
from dashboards.charts import active, spend
from dashboards.charts.table import Table
from dashboards.ledger import Work, efficiency_row, read_ledger, spend_day
from dashboards.pages import Chart, chart_of
from dashboards.ranges import DateRange
from metering import queries, task_queries
from metering.models import Tenant
from metering.queries import AgentSpan
from metering.task_queries import LedgerFilter
from metering.usage.active import ActiveDay
from metering.usage.efficiency import share

MOST = 100
_DELIVERS = "at least one task succeeded"
# Where the chart of days stands.
_DAYS = "#active-agents"
MOST_DORMANT = 50
FAILURES = 10
_DAY = timedelta(days=1)
_COHORT_WEEKS = 84 * _DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentLine:
    """An agent as it is listed."""

    name: str
    query: str
    state: str
    spend: str
    unpriced: list[str]
    tasks: str
    succeeded: str
    per_success: str
    days: str
    first: str
    last: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortLine:
    """A row of the retention table: each cell a share and how strongly it is shaded, 0 to 10."""

    week: str
    agents: str
    cells: list[tuple[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsPage:
    """What the template of the fleet shows."""

    day: str
    cards: list[Card]
    active: Chart
    lines: list[AgentLine]
    hidden: int
    dormant: list[tuple[str, str, str]]
    cohorts: list[CohortLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPage:
    """What the template of one agent shows."""

    name: str
    note: str
    cards: list[Card]
    spend: Chart
    legend: list[tuple[str, str, str]]
    models: Table
    failures: list[tuple[str, str, str]]
    query: str


def agents_page(tenant: Tenant, dates: DateRange) -> AgentsPage:
    """The fleet of a range. Raises StoreUnavailable."""
    days = queries.daa(tenant, dates.period)
    shown = next((day for day in days if day.date == dates.complete_day), days[-1])
    ledger = read_ledger(tenant, dates)
    values = sorted(ledger.by_value(dates).items(), key=lambda v: (-known(v[1].cost), v[0]))
    named = [(name, work) for name, work in values if name]
    spans = queries.agent_spans(tenant, dates.start, dates.end)
    of = spans.of([name for name, _ in named[:MOST]])
    end = dates.complete_day + _DAY
    dormant = queries.agent_spans(tenant, dates.start, end).dormant(MOST_DORMANT)
    words = "Bars: delivering agents on each day; dotted line: active agents"
    return AgentsPage(
        day=formats.full_day(shown.date),
        cards=_cards(shown),
        active=chart_of("active-agents", active.figure(days), words, active.table(days)),
        lines=[_line(name, work, of.get(name), tenant, dates) for name, work in named[:MOST]],
        hidden=max(0, len(named) - MOST),
        dormant=[
            (span.agent, _query(span.agent, dates), formats.full_day(span.last_day))
            for span in dormant
        ],
        cohorts=_cohorts(tenant, dates),
    )


def agent_page(tenant: Tenant, dates: DateRange, name: str) -> AgentPage | None:
    """One agent over a range; None where it was never active before the range's end."""
    span = queries.agent_spans(tenant, dates.start, dates.end).of([name]).get(name)
    if span is None:
        return None
    ledger = read_ledger(tenant, dates, "model", (("agent", name),))
    days = [spend_day(day, work) for day, work in ledger.by_day(dates).items()]
    words = f"Bars: spend of {name} on each day, stacked by what caused it"
    return AgentPage(
        name=name,
        note=(
            f"active on {formats.count(span.days)} days of {dates.label}, first seen"
            f" {formats.full_day(span.first_day)}, last {formats.full_day(span.last_day)}"
        ),
        cards=_agent_cards(ledger.total(dates), tenant.currency, _query(name, dates)),
        spend=chart_of(
            "spend", spend.figure(days, tenant.currency), words, spend.table(days, tenant.currency)
        ),
        legend=[
            (item.name, item.label, formats.money(item.amount, tenant.currency))
            for item in spend.legend(days)
        ],
        models=_models(ledger.by_value(dates), tenant.currency),
        failures=_failures(tenant, dates, name),
        query=_query(name, dates),
    )


def first_day(tenant: Tenant, name: str, dates: DateRange) -> str:
    """When an agent was first seen at all; empty where it never was."""
    spans = queries.agent_spans(
        tenant, dates.start, max(dates.end, dates.today + timedelta(days=1))
    )
    span = spans.of([name]).get(name)
    return "" if span is None else formats.full_day(span.first_day)


def _query(agent: str, dates: DateRange) -> str:
    return f"{dates.query}&{urlencode({'agent': agent})}"


def _cards(day: ActiveDay) -> list[Card]:
    new = f"{formats.count(day.new)} new, {formats.count(day.resurrected)} back after 28 days"
    return [
        _card(
            "Delivering (DAA)", formats.count(day.delivering), "at least one task succeeded", _DAYS
        ),
        _card("Active", formats.count(day.active), new, _DAYS),
        _card(
            "Dormant",
            formats.count(day.dormant),
            "active in the 28 days before, not that day",
            "#dormant",
        ),
        _card(
            "Stickiness",
            formats.percent(share(day.delivering, day.maa)),
            f"of the {formats.count(day.maa)} that delivered in 30 days;"
            f" {formats.count(day.waa)} in 7",
            "#cohorts",
        ),
    ]


def _agent_cards(work: Work, currency: str, query: str) -> list[Card]:
    row = efficiency_row(work)
    cost, per_success = row.cost.total, row.cost_per_succeeded_task
    spend_at, tasks_at = (f"{reverse(name)}?{query}" for name in ("explorer", "tasks"))
    return [
        _card(
            "Spend", _money(cost, currency), "tokens, chips and tools, at the cost book", spend_at
        ),
        _card(
            "Cost per succeeded task",
            formats.NONE if per_success is None else formats.rate(per_success, currency),
            "failed tasks included",
            f"{tasks_at}&sort=cost",
        ),
        _card(
            "Tasks that succeeded",
            formats.percent(share(work.succeeded, work.tasks)),
            f"{formats.count(work.succeeded)} of {formats.count(work.tasks)}",
            tasks_at,
        ),
        _card(
            "Cache hit rate",
            formats.percent(row.sums.hit_rate),
            f"{formats.percent(row.sums.repeated_share)} of its prompts computed again",
            "#models",
        ),
    ]


def _card(name: str, figure: str, note: str, href: str) -> Card:
    return Card(name, figure, format_html("{}", note), href)


def _line(
    name: str, work: Work, span: AgentSpan | None, tenant: Tenant, dates: DateRange
) -> AgentLine:
    row = efficiency_row(work)
    per_success = row.cost_per_succeeded_task
    return AgentLine(
        name=name,
        query=_query(name, dates),
        state=_state(span, dates),
        spend=_money(row.cost.total, tenant.currency),
        unpriced=row.unpriced,
        tasks=formats.count(work.tasks),
        succeeded=formats.percent(share(work.succeeded, work.tasks)),
        per_success=formats.NONE
        if per_success is None
        else formats.rate(per_success, tenant.currency),
        days=formats.count(span.days) if span else formats.NONE,
        first=formats.full_day(span.first_day) if span else formats.NONE,
        last=formats.full_day(span.last_day) if span else formats.NONE,
    )


def _state(span: AgentSpan | None, dates: DateRange) -> str:
    if span is None:
        return ""
    if span.first_day in dates:
        return "new"
    return "dormant" if span.last_day < dates.complete_day else ""


def _money(amount: Decimal | None, currency: str) -> str:
    return UNPRICED if amount is None else formats.money(amount, currency)


def _cohorts(tenant: Tenant, dates: DateRange) -> list[CohortLine]:
    """Twelve weeks that end with the range."""
    weeks = dates.from_(min(dates.start, dates.end - _COHORT_WEEKS))
    return [
        CohortLine(
            week=formats.full_day(cohort.week),
            agents=formats.count(cohort.agents),
            cells=[(formats.percent(rate, 0), round(rate * 10)) for rate in cohort.rates],
        )
        for cohort in queries.retention(tenant, weeks.period)
    ]


def _models(by_model: dict[str, Work], currency: str) -> Table:
    ordered = sorted(by_model.items(), key=lambda item: (-known(item[1].cost), item[0]))
    rows = [
        (
            model or "no model: chips and tools",
            _money(work.cost.total, currency),
            formats.count(work.sums.requests),
            formats.count(work.sums.total_tokens),
            formats.percent(work.sums.hit_rate),
            formats.percent(work.sums.efficiency),
        )
        for model, work in ordered
    ]
    return Table(("Model", "Spend", "Requests", "Tokens", "Hit rate", "Efficiency"), rows)


def _failures(tenant: Tenant, dates: DateRange, agent: str) -> list[tuple[str, str, str]]:
    """The last tasks that came to nothing: task, status, when."""
    asked = LedgerFilter(agent=agent, statuses=("failed", "cancelled"))
    lines = task_queries.ledger(tenant, dates.period, asked, limit=FAILURES)
    zone = ZoneInfo(tenant.timezone)
    return [(line.task, line.status, formats.clock(line.time.astimezone(zone))) for line in lines]
