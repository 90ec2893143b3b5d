"""The agents by what they spent, each with its last 14 days as a small line."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from billing.queries import EfficiencyRow
from billing.rating.money import EXACT, ZERO
from dashboards import formats
from dashboards.cards import UNPRICED, known
from dashboards.ranges import DateRange
from dashboards.rows import SPARK_DAYS, OverviewRows
from metering.queries import UsageRow
from metering.usage.efficiency import share

MOST = 15
_MUCH_REPEATED = Decimal("0.2")
_WIDTH, _HEIGHT, _EDGE = 84, 22, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentLine:
    """A row of the table, as it is written."""

    agent: str
    name: str
    spend: str
    unpriced: list[str]
    tasks: str
    succeeded: str
    per_success: str
    repeated: str
    much_repeated: bool
    spark: str
    spark_words: str


@dataclass(frozen=True, slots=True)
class AgentTable:
    """The agents that spent most, and what the others came to."""

    lines: list[AgentLine]
    others: str
    other_spend: str


def agent_table(rows: OverviewRows, dates: DateRange, currency: str) -> AgentTable:
    """By spend; what is on no line stands below them, so that all add up to the spend."""
    usage = {row.group["agent"]: row for row in rows.agent_usage}
    sparks = _amounts_by_day(rows.agent_days)
    days = _last_days(dates)
    ordered = sorted(rows.by_agent, key=lambda row: (-known(row.cost), row.group["agent"]))
    lines = [
        _line(
            row,
            usage.get(row.group["agent"]),
            [sparks[row.group["agent"]][d] for d in days],
            currency,
        )
        for row in ordered[:MOST]
    ]
    rest = known(rows.total.cost)
    for row in ordered[:MOST]:
        rest = EXACT.subtract(rest, known(row.cost))
    others = len(usage.keys() - {line.name for line in lines})
    return AgentTable(
        lines, _others(others) if rest or others else "", formats.money(rest, currency)
    )


def sparkline(amounts: Sequence[Decimal]) -> str:
    """The points of an SVG line; the highest amount reaches the top."""
    top = max(amounts, default=ZERO)
    points = []
    for n, amount in enumerate(amounts):
        x = _EDGE + Decimal(n * (_WIDTH - 2 * _EDGE)) / max(len(amounts) - 1, 1)
        y = _HEIGHT - _EDGE - (amount / top if top else ZERO) * (_HEIGHT - 2 * _EDGE)
        points.append(f"{x:.1f},{y:.1f}")
    return " ".join(points)


def _line(
    row: EfficiencyRow, usage: UsageRow | None, amounts: list[Decimal], currency: str
) -> AgentLine:
    tasks, succeeded = (usage.tasks, usage.succeeded_tasks) if usage else (0, 0)
    cost = row.cost.total
    repeated = row.sums.repeated_share
    first, last, most = (
        formats.money(a, currency) for a in (amounts[0], amounts[-1], max(amounts))
    )
    return AgentLine(
        agent=row.group["agent"],
        name=row.group["agent"] or "no agent named",
        spend=UNPRICED if cost is None else formats.money(cost, currency),
        unpriced=row.unpriced,
        tasks=formats.count(tasks),
        succeeded=formats.percent(share(succeeded, tasks)),
        per_success=_per_success(row, currency),
        repeated=formats.percent(repeated, 0),
        much_repeated=repeated is not None and repeated >= _MUCH_REPEATED,
        spark=sparkline(amounts),
        spark_words=f"from {first} to {last} a day, at most {most}",
    )


def _per_success(row: EfficiencyRow, currency: str) -> str:
    if row.unpriced:
        return UNPRICED
    cost = row.cost_per_succeeded_task
    return formats.NONE if cost is None else formats.rate(cost, currency)


def _others(number: int) -> str:
    return (
        f"{number} more agent{'' if number == 1 else 's'}" if number else "Work of no agent above"
    )


def _amounts_by_day(rows: Sequence[EfficiencyRow]) -> dict[str, dict[str, Decimal]]:
    amounts: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in rows:
        amounts[row.group["agent"]][row.group["day"]] = known(row.cost)
    return amounts


def _last_days(dates: DateRange) -> list[str]:
    return [(dates.end - timedelta(days=n)).isoformat() for n in range(SPARK_DAYS, 0, -1)]
