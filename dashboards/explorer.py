"""What the spend explorer is asked, as the address says it, and the table that answers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from urllib.parse import urlencode

from billing.rating.money import ZERO
from dashboards import formats
from dashboards.cards import UNPRICED, known
from dashboards.ledger import Ledger, Work, read_ledger, spend_day
from dashboards.ranges import DateRange, RangeError
from metering.models import Tenant
from metering.queries import Filters
from metering.usage.meter import LABEL

# By what money can be looked at, and where a click on a value leads next.
NEXT = {
    "agent": "model",
    "model": "agent",
    "provider": "model",
    "service_tier": "model",
    "chip": "agent",
    "region": "chip",
    "tool": "agent",
}
CAUSE = "cause"
CAUSES = ("useful", "repeated", "failed", "retried", "chips", "tools")
MOST_ROWS = 100
_QUOTIENT = Context(prec=28)
# The filters that the list of tasks knows too.
_OF_TASKS = ("agent", "model")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A range, by what it is grouped, and what it is narrowed to: the state of the page."""

    dates: DateRange
    group: str = CAUSE
    filters: Filters = ()

    @property
    def query(self) -> str:
        """All of it as a part of an address."""
        return f"{self.dates.query}&{urlencode(self.kept)}" if self.kept else self.dates.query

    @property
    def kept(self) -> dict[str, str]:
        """What stays when another range is chosen."""
        group = {} if self.group == CAUSE else {"group": self.group}
        return group | dict(self.filters)

    def by(self, group: str) -> "Question":
        """The same money, grouped by something else."""
        return replace(self, group=group)

    def only(self, value: str) -> "Question":
        """Narrowed to one value of what it is grouped by, and grouped by what is next of use."""
        filters = (*self.filters, (self.group, value))
        taken = dict(filters)
        following = NEXT.get(self.group, "agent")
        return replace(self, group=CAUSE if following in taken else following, filters=filters)

    def without(self, name: str) -> "Question":
        """With one filter less."""
        return replace(self, filters=tuple(f for f in self.filters if f[0] != name))

    @property
    def tasks_query(self) -> str | None:
        """The tasks behind it, as the list of tasks is asked; None where it cannot be."""
        labels = [(name, value) for name, value in self.filters if name.startswith(LABEL)]
        others = {name: value for name, value in self.filters if not name.startswith(LABEL)}
        if len(labels) > 1 or not set(others) <= set(_OF_TASKS) or "" in others.values():
            return None
        asked = dict(others)
        for name, value in labels:
            asked["label"] = f"{name.removeprefix(LABEL)}={value}"
        return f"{self.dates.query}&{urlencode(asked)}" if asked else self.dates.query


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was asked, and the work under each value, the dearest first."""

    question: Question
    ledger: Ledger
    values: list[tuple[str, Work]]
    total: Work


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueLine:
    """A row of the table, as it is written; `href` narrows to it, the others lead to what is
    behind it."""

    name: str
    href: str
    events: str
    tasks_href: str | None
    cost: str
    unpriced: list[str]
    share: str
    causes: list[str]
    requests: str
    tokens: str
    chip_seconds: str
    tool_calls: str
    tasks: str


def read_question(params: Mapping[str, str], dates: DateRange) -> Question:
    """Raises RangeError, in one sentence, for what cannot be grouped or narrowed by."""
    group = params.get("group") or CAUSE
    if group != CAUSE and not _is_dimension(group):
        choices = ", ".join((CAUSE, *NEXT, "labels.<key>"))
        raise RangeError(f"group: {group!r} is not one of {choices}.")
    filters = tuple((name, value) for name, value in params.items() if _is_dimension(name))
    return Question(dates=dates, group=group, filters=filters)


def answer(tenant: Tenant, question: Question) -> Answer:
    """Read it; one look at the work of each day serves chart, table and file alike."""
    by = "agent" if question.group == CAUSE else question.group
    ledger = read_ledger(tenant, question.dates, by, question.filters)
    total = ledger.total(question.dates)
    values = ledger.by_value(question.dates) if question.group != CAUSE else {}
    ordered = sorted(values.items(), key=lambda item: (-known(item[1].cost), item[0]))
    return Answer(question=question, ledger=ledger, values=ordered, total=total)


def value_lines(found: Answer, currency: str) -> list[ValueLine]:
    """The dearest values."""
    whole = known(found.total.cost)
    return [
        _line(found.question, value, work, whole, currency)
        for value, work in found.values[:MOST_ROWS]
    ]


def total_line(found: Answer, currency: str) -> ValueLine:
    """All of it; where more values are than there are rows, the others are in it as well."""
    whole = known(found.total.cost)
    return replace(
        _line(found.question, "", found.total, whole, currency),
        name="Total",
        events=found.question.query,
        tasks_href=found.question.tasks_query,
    )


def file_rows(found: Answer) -> Iterator[tuple[str | int | Decimal | None, ...]]:
    """The table for a spreadsheet, every value, exact."""
    for value, work in found.values or [("", found.total)]:
        parts = [getattr(spend_day(found.question.dates.start, work), name) for name in CAUSES]
        yield (
            value,
            work.cost.total,
            *parts,
            work.sums.requests,
            work.sums.total_tokens,
            work.chip_seconds,
            work.tool_calls,
            work.tasks,
            work.succeeded,
        )


def file_columns(question: Question) -> tuple[str, ...]:
    """The header of that file; the cost is empty where something has no price."""
    amounts = (f"{name}_cost" for name in CAUSES)
    counts = ("requests", "total_tokens", "chip_seconds", "tool_calls", "tasks", "succeeded_tasks")
    return (question.group, "cost", *amounts, *counts)


def value_name(value: str, group: str) -> str:
    """A value as it is written; the empty one says what it is."""
    return value or f"no {group.removeprefix(LABEL)}"


def _line(question: Question, value: str, work: Work, whole: Decimal, currency: str) -> ValueLine:
    day = spend_day(question.dates.start, work)
    cost = work.cost.total
    narrowed = question.only(value) if question.group != CAUSE else question
    return ValueLine(
        name=value_name(value, question.group),
        href=narrowed.query,
        events=narrowed.by(CAUSE).query,
        tasks_href=narrowed.tasks_query,
        cost=UNPRICED if cost is None else formats.money(cost, currency),
        unpriced=day.unpriced,
        share=formats.percent(_share(known(work.cost), whole)),
        causes=[formats.money(getattr(day, name), currency) for name in CAUSES],
        requests=formats.count(work.sums.requests),
        tokens=formats.count(work.sums.total_tokens),
        chip_seconds=formats.count(round(work.chip_seconds)),
        tool_calls=formats.count(work.tool_calls),
        tasks=formats.count(work.tasks),
    )


def _share(part: Decimal, whole: Decimal) -> Decimal | None:
    """A share of money, to be looked at."""
    return _QUOTIENT.divide(part, whole) if whole > ZERO else None


def _is_dimension(name: str) -> bool:
    return name in NEXT or (name.startswith(LABEL) and name != LABEL)
