"""What the page adds up itself is what the selectors of billing say."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from billing import queries
from dashboards.ledger import read_ledger
from dashboards.ranges import DateRange
from dashboards.rows import OverviewRows, read_overview
from metering.clickhouse import connection
from metering.models import Tenant

D = Decimal


@pytest.fixture
def dates() -> DateRange:
    return DateRange(date(2026, 10, 1), date(2026, 11, 1), "UTC", date(2026, 11, 20))


@pytest.fixture
def rows(worked: Tenant, dates: DateRange) -> OverviewRows:
    return read_overview(worked, dates, compare=True)


def test_totals_are_those_of_billing(rows: OverviewRows, worked: Tenant, dates: DateRange) -> None:
    (total,) = queries.efficiency(worked, dates.period)
    assert rows.total == replace(total, work=None)
    # $2 + $1.60 + $0.10 + $1 + 5 chips × 600 s × $0.001
    assert rows.total.cost.total == D("7.70")
    assert (rows.usage.tasks, rows.usage.succeeded_tasks) == (3, 2)


def test_days_are_those_of_billing(rows: OverviewRows, worked: Tenant, dates: DateRange) -> None:
    assert rows.spend == queries.spend_by_day(worked, dates.period)


def test_an_agent_that_used_chips_alone_is_there(rows: OverviewRows) -> None:
    third = [row for row in rows.agent_days if row.group["day"] == "2026-10-03"]
    assert [(row.group["agent"], row.cost.total) for row in third] == []
    bob = next(row for row in rows.by_agent if row.group["agent"] == "bob")
    # $1 of output tokens and $3 of chips, the latter on a day without calls
    assert bob.cost.total == D(4)


def test_agents_add_up_to_the_total(rows: OverviewRows) -> None:
    assert sum(row.cost.total or 0 for row in rows.by_agent) == rows.total.cost.total
    assert sum(row.sums.total_tokens for row in rows.by_agent) == rows.total.sums.total_tokens


def test_a_day_outside_the_range_is_in_no_sum(worked: Tenant, dates: DateRange) -> None:
    ledger = read_ledger(worked, dates)
    second = DateRange(date(2026, 10, 2), date(2026, 10, 3), "UTC", dates.today)
    assert ledger.total(second).cost.total == D("1.70")
    assert list(ledger.by_value(second)) == ["ada"]
    assert list(ledger.by_day(second)) == [date(2026, 10, 2)]


def test_the_range_before_is_only_read_when_it_is_compared(
    worked: Tenant, dates: DateRange
) -> None:
    assert read_overview(worked, dates, compare=False).before is None
    before = read_overview(worked, dates, compare=True).before
    assert before is not None
    assert before.sums.total_tokens == 0


def test_more_agents_take_no_more_queries(
    worked: Tenant,
    dates: DateRange,
    send: Callable[..., object],
    roll: Callable[[Tenant], int],
    event: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[str] = []

    def counted() -> tuple[int, int]:
        sent.clear()
        with CaptureQueriesContext(database) as captured:
            read_overview(worked, dates, compare=True)
        return len(sent), len(captured)

    client = type(connection.open_client())
    for name in ("execute", "execute_iter"):
        run = getattr(client, name)

        def counting(self: Any, sql: str, *args: Any, _run: Any = run, **kwargs: Any) -> Any:
            sent.append(sql)
            return _run(self, sql, *args, **kwargs)

        monkeypatch.setattr(client, name, counting)
    few = counted()
    send(
        worked,
        [
            event.tokens(f"2026-10-0{day}T11:00:00Z", agent=f"agent-{n}", input_tokens=1)
            for n in range(20)
            for day in range(1, 5)
        ],
    )
    roll(worked)
    assert counted() == few
    assert few[0] > 0
