"""The task ledger with money in it: what each task cost, what it was charged, and the margin."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from billing.queries import GroupCost
from billing.rating.money import EXACT, ZERO
from billing.task_costs import task_costs, total_cost
from billing.task_prices import TaskPricer, TaskPrices
from billing.terms import cost_book
from metering import task_queries
from metering.models import Tenant
from metering.task_queries import Trees
from metering.usage.ledger import TaskLine, TaskUse
from metering.usage.period import Period


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskMoney:
    """What a task, or a tree of them, cost and was charged; None is not known, and never 0.

    `unpriced` names what has no cost, `price_unknown` says why there is no price. The price is
    exact and not rounded: a line of an invoice is rounded once, for all tasks together.
    """

    cost: Decimal | None
    unpriced: list[str]
    price: Decimal | None
    price_unknown: list[str]

    @property
    def margin(self) -> Decimal | None:
        if self.price is None or self.cost is None:
            return None
        return EXACT.subtract(self.price, self.cost)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A task together with all of its sub-tasks."""

    subtasks: int
    use: TaskUse
    money: TaskMoney


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """A task's line, its money, and its tree; no tree where there are too many sub-tasks."""

    line: TaskLine
    parts: GroupCost
    money: TaskMoney
    tree: Tree | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRows:
    """Rows in the order asked for; `nobody` names what the plan charges beside, for no task.

    `below` are the tasks under each row, a parent before its children.
    """

    rows: list[LedgerRow]
    nobody: list[str]
    below: dict[str, list[LedgerRow]] = field(default_factory=dict)


def ledger_rows(tenant: Tenant, lines: Sequence[TaskLine]) -> LedgerRows:
    """Tasks with all of their usage, and with their trees."""
    if not lines:
        return LedgerRows(rows=[], nobody=[])
    found = task_queries.trees(tenant, lines)
    everything = list({line.task: line for line in (*lines, *found.lines.values())}.values())
    period = task_queries.span_of(everything)
    own, prices = _own_rows(TaskPricer(tenant), everything, period)
    below = {} if found.cut else {line.task: _below(line, found, own) for line in lines}
    rows = [_with_tree(own[line.task], below.get(line.task), prices) for line in lines]
    return LedgerRows(rows=rows, nobody=sorted(prices.nobody), below=below)


def rows_within(pricer: TaskPricer, lines: Sequence[TaskLine], period: Period) -> list[LedgerRow]:
    """Tasks with their usage in a period alone, without trees."""
    own, _ = _own_rows(pricer, lines, period)
    return [own[line.task] for line in lines]


def _own_rows(
    pricer: TaskPricer, lines: Sequence[TaskLine], period: Period
) -> tuple[dict[str, LedgerRow], TaskPrices]:
    book = cost_book(pricer.tenant.currency)
    costs = task_costs(pricer.tenant, lines, period, book)
    prices = pricer.prices(lines, period)
    rows = {
        line.task: LedgerRow(line=line, parts=costs[line.task], money=_money([line], costs, prices))
        for line in lines
    }
    return rows, prices


def _below(root: TaskLine, found: Trees, own: dict[str, LedgerRow]) -> list[LedgerRow]:
    return [own[line.task] for line in found.below(root.task)]


def _money(lines: Sequence[TaskLine], costs: dict[str, GroupCost], prices: TaskPrices) -> TaskMoney:
    cost, unpriced = total_cost(costs[line.task] for line in lines)
    reasons = sorted({why for line in lines for why in prices.unknown.get(line.task, ())})
    price = ZERO
    for line in lines:
        price = EXACT.add(price, prices.amounts.get(line.task, ZERO))
    return TaskMoney(
        cost=cost,
        unpriced=unpriced,
        price=None if reasons else price,
        price_unknown=reasons,
    )


def _with_tree(row: LedgerRow, below: list[LedgerRow] | None, prices: TaskPrices) -> LedgerRow:
    if below is None:
        return row
    whole = [row, *below]
    tree = Tree(
        subtasks=len(below),
        use=sum((one.line.use for one in below), start=row.line.use),
        money=_money(
            [one.line for one in whole], {one.line.task: one.parts for one in whole}, prices
        ),
    )
    return LedgerRow(line=row.line, parts=row.parts, money=row.money, tree=tree)
