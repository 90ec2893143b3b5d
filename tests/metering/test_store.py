"""The door to ClickHouse: what is tried again, what is not, and what a kill or a zone changes."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from clickhouse_driver import errors
from django.conf import settings
from pytest_django import Settings

from metering import queries
from metering.clickhouse import connection
from metering.clickhouse.connection import StoreUnavailable, command, insert, select, stream
from metering.clickhouse.embedded import launch
from metering.clickhouse.migrate import migrate
from metering.ingest import Report
from metering.models import Tenant
from metering.usage.period import month_period, range_period
from tests.conftest import Events

Send = Callable[[Tenant, list[dict[str, Any]]], Report]
AT = "2026-10-05T12:00:00Z"
OCTOBER = month_period("2026-10", "UTC")
embedded_only = pytest.mark.skipif(
    bool(settings.CLICKHOUSE_URL), reason="CLICKHOUSE_URL names a server that is not ours to kill"
)


def test_the_schema_is_brought_up_to_date_once(store: None) -> None:
    assert migrate() == []


def test_a_wrong_query_is_an_error_and_not_a_store_that_is_down(store: None) -> None:
    with pytest.raises(errors.ServerException):
        select("SELECT FROM")
    with pytest.raises(errors.ServerException):
        command("DROP TABLE nothing_of_this_name")
    with pytest.raises(errors.ServerException):
        list(stream("SELECT throwIf(number = 100000) FROM numbers(200000)"))
    assert select("SELECT 1") == [(1,)]


def test_what_takes_too_long_is_told_and_not_tried_again(store: None) -> None:
    with pytest.raises(StoreUnavailable, match="busy"):
        select("SELECT sleepEachRow(0.2) FROM numbers(100)", max_execution_time=1, max_block_size=1)


def test_a_closed_connection_is_opened_again(store: None) -> None:
    assert select("SELECT 1") == [(1,)]
    connection._idle[-1].connection.socket.close()
    assert select("SELECT 1") == [(1,)]


def test_threads_share_connections_one_query_at_a_time(store: None) -> None:
    connection.disconnect()
    start = threading.Barrier(5)

    def run() -> None:
        start.wait(30)
        for number in range(20):
            assert select("SELECT %(n)s + sleep(0.001)", {"n": number}) == [(number,)]

    threads = [threading.Thread(target=run) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    opened = len(connection._idle)
    assert 1 <= opened <= 5
    for _ in range(10):
        select("SELECT 1")
    assert len(connection._idle) == opened


def test_a_query_that_failed_leaves_no_connection_behind(store: None) -> None:
    connection.disconnect()
    with pytest.raises(errors.ServerException):
        select("SELECT throwIf(1)")
    assert connection._idle == []


def test_a_stream_may_be_left_and_others_read_meanwhile(store: None) -> None:
    rows = stream("SELECT number FROM numbers(10000000)")
    assert [next(rows), next(rows)] == [(0,), (1,)]
    assert select("SELECT 1") == [(1,)]
    assert isinstance(rows, Iterator)
    del rows
    assert select("SELECT 1") == [(1,)]


def test_values_are_bound_and_never_sql(store: None) -> None:
    text = "'; DROP TABLE events; -- \\' %s %(tenant)s \0 \n 雪"
    assert select("SELECT %(text)s", {"text": text}) == [(text,)]


@embedded_only
def test_a_killed_server_loses_nothing_and_is_started_again(
    tenant: Tenant, event: Events, send: Send
) -> None:
    first, second = event.tokens(AT), event.tokens(AT)
    assert send(tenant, [first]).accepted == 1
    folder = settings.DATA_DIR / "clickhouse"
    pid = launch.running_pid(folder)
    assert pid
    os.kill(pid, signal.SIGKILL)
    report = send(tenant, [first, second])
    assert (report.accepted, report.duplicates) == (1, 1)
    assert launch.running_pid(folder) not in {None, pid}
    assert queries.usage(tenant, OCTOBER)[0].requests == 2


@embedded_only
def test_a_write_is_not_tried_again_by_itself(store: None) -> None:
    pid = launch.running_pid(settings.DATA_DIR / "clickhouse")
    assert pid
    assert connection._idle, "the connection that is there already is the one that breaks"
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(StoreUnavailable):
        insert("rollup_scans", ["tenant"], [[1]])
    assert select("SELECT 1") == [(1,)]


@pytest.fixture
def kolkata_store(store: None, settings: Settings) -> Iterator[None]:
    """The store, with a clock of its own half an hour off the full hours of UTC."""
    url = settings.CLICKHOUSE_URL or launch.ensure_running(settings.DATA_DIR / "clickhouse")
    settings.CLICKHOUSE_URL = f"{url}?session_timezone=Asia/Kolkata"
    connection.disconnect()
    connection.forget_url()
    assert select("SELECT timezone(), toString(toDateTime(0))") == [
        ("Asia/Kolkata", "1970-01-01 05:30:00")
    ]
    yield
    connection.disconnect()
    connection.forget_url()


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York"])
def test_the_zone_of_the_server_changes_no_number(
    zone: str,
    kolkata_store: None,
    make_tenant: Callable[..., Tenant],
    event: Events,
    send: Send,
    roll: Callable[[Tenant], int],
) -> None:
    """A call and a task a quarter of an hour for three days: 96 of each on the middle day."""
    tenant = make_tenant(timezone=zone)
    times = [datetime(2026, 10, 9, tzinfo=UTC) + timedelta(minutes=15 * n) for n in range(288)]
    send(tenant, [event.tokens(at, input_tokens=1) for at in times])
    send(tenant, [event.task(at, f"t{at}", agent=f"{at}") for at in times])
    roll(tenant)
    period = range_period(date(2026, 10, 10), date(2026, 10, 11), zone)
    assert sum(calls.requests for _, calls in queries.priced_calls(tenant, period)) == 96
    assert [day.delivering for day in queries.daa(tenant, period)] == [96]
    [row] = queries.usage(tenant, period)
    assert (row.requests, row.succeeded_tasks) == (96, 96)
    [evidence] = queries.usage_types(tenant, period, queries.store_now(tenant))[:1]
    assert evidence == ("agent.task", 96)
