"""Clients do not wait for one another, and who gives up leaves nothing running."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from clickhouse_driver import Client

from tests.clickhouse_embedded.conftest import Connect

ENDLESS = "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))"
ENDLESS_ROWS = "SELECT number, toString(number) FROM numbers(1000000000000)"


def running(client: Client, sql: str) -> int:
    counted = "SELECT count() FROM system.processes WHERE query = %(sql)s"
    return int(client.execute(counted, {"sql": sql})[0][0])


def wait_for(client: Client, sql: str, number: int) -> None:
    for _ in range(500):
        if running(client, sql) == number:
            return
        time.sleep(0.01)
    raise AssertionError(f"Not {number} running after 5 seconds")


def test_many_clients_insert_and_read_at_once(connect: Connect, table: str, client: Client) -> None:
    client.execute(f"CREATE TABLE {table} (who UInt8, n UInt32) ENGINE = MergeTree ORDER BY n")

    def work(who: int) -> int:
        mine = connect()
        for start in range(0, 500, 50):
            rows = [(who, n) for n in range(start, start + 50)]
            mine.execute(f"INSERT INTO {table} VALUES", rows)
        return int(mine.execute(f"SELECT count() FROM {table} WHERE who = {who}")[0][0])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [500] * 8
    assert client.execute(f"SELECT count(), uniqExact(who, n) FROM {table}") == [(4000, 4000)]


def test_a_reader_that_stops_reading_holds_up_nobody(connect: Connect, client: Client) -> None:
    sleepy = connect().execute_iter(ENDLESS_ROWS)
    next(sleepy)
    busy = connect()
    worker = threading.Thread(target=lambda: time_out(busy))
    worker.start()
    wait_for(client, ENDLESS, 1)
    slowest = max(timed(client) for _ in range(20))
    assert slowest < 1
    assert next(sleepy)
    worker.join()


def time_out(client: Client) -> None:
    settings = {"max_execution_time": 1, "timeout_overflow_mode": "break"}
    client.execute(ENDLESS, settings=settings)


def timed(client: Client) -> float:
    start = time.monotonic()
    client.execute("SELECT 1")
    return time.monotonic() - start


def test_a_query_ends_with_its_client(connect: Connect, client: Client) -> None:
    for sql in (ENDLESS, ENDLESS_ROWS):
        leaving = connect().connection
        leaving.connect()
        leaving.send_query(sql)
        leaving.send_external_tables([])
        wait_for(client, sql, 1)
        leaving.disconnect()
        wait_for(client, sql, 0)


def test_a_client_that_leaves_before_its_query_began_leaves_nothing(
    connect: Connect, client: Client
) -> None:
    for _ in range(20):
        leaving = connect().connection
        leaving.connect()
        leaving.send_query(ENDLESS)
        leaving.send_external_tables([])
        leaving.disconnect()
    time.sleep(0.2)
    wait_for(client, ENDLESS, 0)


def test_a_query_can_be_cancelled_and_the_connection_goes_on(
    connect: Connect, client: Client
) -> None:
    for sql in (ENDLESS, ENDLESS_ROWS):
        other = connect()
        other.execute_with_progress(sql)
        wait_for(client, sql, 1)
        other.cancel()
        wait_for(client, sql, 0)
        assert other.execute("SELECT 1") == [(1,)]


def test_a_query_can_be_killed_by_another(connect: Connect, client: Client) -> None:
    victim = connect()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(victim.execute, ENDLESS)
        wait_for(client, ENDLESS, 1)
        client.execute("KILL QUERY WHERE query = %(sql)s ASYNC", {"sql": ENDLESS})
        error = answer.exception(timeout=5)
    assert error is not None
    assert getattr(error, "code", None) == 394
