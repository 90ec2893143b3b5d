"""An INSERT is stored whole or refused, and says which."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from clickhouse_driver import Client
from clickhouse_driver.block import ColumnOrientedBlock
from clickhouse_driver.errors import ErrorCodes, ServerException

from tests.clickhouse_embedded.conftest import Connect

BOTH = pytest.mark.parametrize("options", [{}, {"compression": "lz4"}], ids=["plain", "lz4"])


@pytest.fixture
def pairs(client: Client, table: str) -> str:
    """A table of a number and a word with a default."""
    client.execute(
        f"CREATE TABLE {table} (a UInt32, b String DEFAULT 'none', c String MATERIALIZED upper(b),"
        f" CONSTRAINT small CHECK a < 1000000000) ENGINE = MergeTree ORDER BY a"
        f" SETTINGS non_replicated_deduplication_window = 100"
    )
    return table


def count(client: Client, table: str) -> int:
    return int(client.execute(f"SELECT count() FROM {table}")[0][0])


@BOTH
def test_omitted_columns_get_their_defaults(
    connect: Connect, pairs: str, options: dict[str, str]
) -> None:
    client = connect(**options)
    assert client.execute(f"INSERT INTO {pairs} (a) VALUES", [{"a": 1}]) == 1
    client.execute(f"INSERT INTO default.{pairs} (* EXCEPT c) VALUES", [(2, "two")])
    client.execute(f"INSERT INTO TABLE `{pairs}` VALUES", [(3, "three")])
    client.execute(f"INSERT INTO {pairs} (b, `a`) FORMAT Native", [("four", 4)])
    rows = client.execute(f"SELECT a, b, c FROM {pairs} ORDER BY a")
    assert rows == [
        (1, "none", "NONE"),
        (2, "two", "TWO"),
        (3, "three", "THREE"),
        (4, "four", "FOUR"),
    ]


def test_an_ephemeral_column_can_be_sent(client: Client, table: str) -> None:
    client.execute(
        f"CREATE TABLE {table} (a UInt32, raw String EPHEMERAL, n UInt8 DEFAULT length(raw))"
        f" ENGINE = MergeTree ORDER BY a"
    )
    client.execute(f"INSERT INTO {table} (a, raw) VALUES", [(1, "abc")])
    assert client.execute(f"SELECT * FROM {table}") == [(1, 3)]


@BOTH
def test_blocks_of_one_insert_are_one_part_in_their_order(
    connect: Connect, table: str, options: dict[str, str]
) -> None:
    client = connect(**options)
    client.execute(f"CREATE TABLE {table} (n UInt64) ENGINE = MergeTree ORDER BY tuple()")
    client.execute(
        f"INSERT INTO {table} VALUES",
        [list(range(400_000))],
        columnar=True,
        settings={"insert_block_size": 7000},
    )
    parts = f"SELECT rows FROM system.parts WHERE table = '{table}' AND active"
    assert client.execute(parts) == [(400_000,)]
    (stored,) = client.execute(f"SELECT n FROM {table}", columnar=True, settings={"max_threads": 1})
    assert list(stored) == list(range(400_000))


@BOTH
def test_a_refused_row_refuses_its_whole_insert(
    connect: Connect, pairs: str, options: dict[str, str]
) -> None:
    client = connect(**options)
    rows = [(number, "x") for number in (1, 2, 2_000_000_000, 3)]
    with pytest.raises(ServerException) as refused:
        client.execute(f"INSERT INTO {pairs} VALUES", rows, settings={"insert_block_size": 1})
    assert refused.value.code == 469  # VIOLATED_CONSTRAINT
    assert count(client, pairs) == 0


REFUSED = [
    ("INSERT INTO nowhere (a) VALUES", ErrorCodes.UNKNOWN_TABLE),
    ("INSERT INTO {table} (a, nothing) VALUES", ErrorCodes.NO_SUCH_COLUMN_IN_TABLE),
    ("INSERT INTO {table} (a, a) VALUES", 15),  # DUPLICATE_COLUMN
]


@pytest.mark.parametrize(("sql", "code"), REFUSED, ids=[sql for sql, _ in REFUSED])
def test_a_wrong_target_is_refused_before_any_row(
    client: Client, pairs: str, sql: str, code: int
) -> None:
    with pytest.raises(ServerException) as refused:
        client.execute(sql.format(table=pairs), [(1, 2)])
    assert refused.value.code == code
    assert count(client, pairs) == 0


BAD_BLOCKS: list[tuple[list[tuple[str, str]], list[Any], int]] = [
    ([("a", "UInt32")], [[1]], 171),  # a column is missing
    ([("a", "UInt32"), ("b", "String"), ("c", "String")], [[1], ["x"], ["y"]], 171),
    ([("a", "UInt32"), ("z", "String")], [[1], ["x"]], 117),  # a foreign column
    ([("a", "String"), ("b", "String")], [["word"], ["x"]], 6),  # no number
]


@BOTH
@pytest.mark.parametrize(("columns", "data", "code"), BAD_BLOCKS)
def test_a_block_of_another_shape_is_refused(
    connect: Connect,
    pairs: str,
    columns: list[tuple[str, str]],
    data: list[Any],
    code: int,
    options: dict[str, str],
) -> None:
    client = connect(**options)
    send(client, pairs, [ColumnOrientedBlock(columns, data)])
    assert client.connection.receive_packet().exception.code == code
    assert client.connection.ping()
    assert count(connect(), pairs) == 0


def send(client: Client, table: str, blocks: list[Any], *, end: bool = True) -> None:
    connection = client.connection
    if not connection.connected:
        connection.connect()
    connection.send_query(f"INSERT INTO {table} (a, b) VALUES")
    connection.send_external_tables([])
    client.receive_sample_block()
    for block in [*blocks, *([ColumnOrientedBlock()] if end else [])]:
        connection.send_data(block)


@BOTH
def test_an_insert_cut_by_its_client_stores_nothing(
    connect: Connect, pairs: str, options: dict[str, str]
) -> None:
    client, observer = connect(**options), connect()
    block = ColumnOrientedBlock([("a", "UInt32"), ("b", "String")], [[1, 2], ["x", "y"]])
    send(client, pairs, [block, block], end=False)
    client.connection.socket.shutdown(socket.SHUT_RDWR)
    client.disconnect()
    time.sleep(0.1)
    assert count(observer, pairs) == 0


def test_an_insert_is_in_system_processes_while_it_is_stored(connect: Connect, table: str) -> None:
    client, observer = connect(), connect()
    client.execute(
        f"CREATE TABLE {table} (a UInt32, b UInt8 DEFAULT sleep(1)) ENGINE = MergeTree ORDER BY a"
    )
    with ThreadPoolExecutor(1) as pool:
        stored = pool.submit(client.execute, f"INSERT INTO {table} (a) VALUES", [(1,)])
        wait_until(lambda: inserts(observer, table) == 1)
        assert stored.result(10) == 1
    assert inserts(observer, table) == 0
    assert count(observer, table) == 1


def test_an_insert_follows_its_table_through_every_change(connect: Connect, table: str) -> None:
    one, other = connect(), connect()
    one.execute(f"CREATE TABLE {table} (a UInt32) ENGINE = MergeTree ORDER BY a")
    one.execute(f"INSERT INTO {table} VALUES", [(1,)])
    other.execute(f"ALTER TABLE {table} ADD COLUMN b String")
    one.execute(f"INSERT INTO {table} VALUES", [(2, "x")])
    other.execute(f"DROP TABLE {table}")
    other.execute(f"CREATE TABLE {table} (c String) ENGINE = MergeTree ORDER BY c")
    one.execute(f"INSERT INTO {table} VALUES", [("y",)])
    assert one.execute(f"SELECT * FROM {table}") == [("y",)]
    one.execute(f"CREATE TEMPORARY TABLE {table} (d UInt8)")
    one.execute(f"INSERT INTO {table} VALUES", [(7,)])
    assert one.execute(f"SELECT * FROM {table}") == [(7,)]
    other.execute(f"INSERT INTO {table} VALUES", [("z",)])
    assert count(other, table) == 2
    one.execute(f"DROP TEMPORARY TABLE {table}")


def inserts(client: Client, table: str) -> int:
    sql = (
        "SELECT count() FROM system.processes WHERE query_kind = 'Insert' AND elapsed >= 0"
        " AND position(query, %(table)s) > 0"
    )
    return int(client.execute(sql, {"table": table})[0][0])


def wait_until(holds: Any) -> None:
    for _ in range(500):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("It did not happen in 5 seconds")


def test_the_same_block_again_is_known_where_the_table_keeps_a_window(
    client: Client, pairs: str
) -> None:
    for _ in range(2):
        client.execute(f"INSERT INTO {pairs} VALUES", [(1, "x")])
    assert count(client, pairs) == 1
    client.execute(
        f"INSERT INTO {pairs} VALUES", [(1, "x")], settings={"deduplicate_insert": "disable"}
    )
    assert count(client, pairs) == 2
    for rows in ([(5, "x")], [(6, "y")]):
        token = {"insert_deduplication_token": "first"}
        client.execute(f"INSERT INTO {pairs} VALUES", rows, settings=token)
    assert count(client, pairs) == 3


def test_settings_about_results_do_not_touch_inserted_rows(client: Client, pairs: str) -> None:
    settings = {"limit": 1, "offset": 1, "additional_result_filter": "a = 1"}
    client.execute(f"INSERT INTO {pairs} VALUES", [(n, "x") for n in range(5)], settings=settings)
    assert count(client, pairs) == 5


def test_rows_reach_a_view_and_a_temporary_table(client: Client, table: str) -> None:
    client.execute(f"CREATE TABLE {table}_source (a UInt32) ENGINE = Null")
    client.execute(
        f"CREATE MATERIALIZED VIEW {table} ENGINE = MergeTree ORDER BY a"
        f" AS SELECT a FROM {table}_source WHERE a > 1"
    )
    client.execute(f"INSERT INTO {table}_source VALUES", [(1,), (2,), (3,)])
    assert count(client, table) == 2
    client.execute("CREATE TEMPORARY TABLE passing (a UInt32)")
    client.execute("INSERT INTO passing VALUES", [(1,)])
    assert count(client, "passing") == 1


def test_no_rows_are_no_insert(client: Client, pairs: str) -> None:
    assert client.execute(f"INSERT INTO {pairs} VALUES", []) == 0
    assert count(client, pairs) == 0


def test_values_of_opaque_types_can_be_sent_packed_only(connect: Connect, table: str) -> None:
    client = connect()
    client.execute(
        f"CREATE TABLE {table} (a AggregateFunction(max, UInt8)) ENGINE = AggregatingMergeTree"
        f" ORDER BY tuple()"
    )
    connection = client.connection
    connection.send_query(f"INSERT INTO {table} VALUES")
    connection.send_external_tables([])
    client.receive_sample_block()
    connection.fout.write(b"\x02\x00" + bytes((1, 0, 2, 255, 255, 255, 255, 0)) + b"\x01\x01\x01a")
    connection.fout.write(b"\x1dAggregateFunction(max, UInt8)\x01\x07")
    connection.fout.flush()
    answer = connection.receive_packet().exception
    assert answer.code == ErrorCodes.NOT_IMPLEMENTED
    assert "compressed" in answer.message


def rows_as_they_come() -> Iterator[tuple[int, str]]:
    yield from ((number, "x") for number in range(2500))


def test_rows_of_a_generator_are_one_insert(client: Client, pairs: str) -> None:
    sent = client.execute(
        f"INSERT INTO {pairs} VALUES", rows_as_they_come(), settings={"insert_block_size": 100}
    )
    assert sent == 2500
    parts = f"SELECT rows FROM system.parts WHERE table = '{pairs}' AND active"
    assert client.execute(parts) == [(2500,)]
