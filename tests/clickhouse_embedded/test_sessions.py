"""What one client sets, uses and creates is its own, and lasts as long as on a server."""

from typing import Any

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ErrorCodes, ServerException

from tests.clickhouse_embedded.conftest import Connect


def threads(client: Client, **settings: Any) -> int:
    return int(client.execute("SELECT getSetting('max_threads')", settings=settings)[0][0])


def test_a_setting_holds_for_its_query_only(client: Client) -> None:
    default = threads(client)
    assert threads(client, max_threads=7) == 7
    assert threads(client) == default
    assert threads(client, max_threads=7) == 7
    assert threads(client, max_block_size=9) == default
    with pytest.raises(ServerException):
        threads(client, max_threads=5, no_such_setting=1)
    assert threads(client) == default


@pytest.mark.parametrize(
    ("name", "value", "seen"),
    [
        ("max_block_size", 1234, 1234),
        ("max_execution_time", 0.5, 0.5),
        ("max_memory_usage", "1000000000", 1000000000),
        ("use_uncompressed_cache", True, True),
        ("join_use_nulls", False, False),
        ("log_comment", "it's `odd` \\", "it's `odd` \\"),
        ("insert_deduplicate", 0, False),
    ],
)
def test_settings_of_every_kind_reach_the_engine(
    client: Client, name: str, value: Any, seen: Any
) -> None:
    settings = {name: value}
    assert client.execute(f"SELECT getSetting('{name}')", settings=settings) == [(seen,)]


def test_set_lasts_until_the_client_leaves(connect: Connect) -> None:
    one, other = connect(), connect()
    default = threads(other)
    one.execute("SET max_threads = 5", settings={"max_threads": 9})
    assert threads(one) == 5
    assert threads(one, max_threads=6) == 6
    assert threads(one) == 5
    assert threads(other) == default


def test_use_and_the_database_of_the_url_are_per_client(connect: Connect, url: str) -> None:
    one, other = connect(), connect()
    one.execute("CREATE DATABASE IF NOT EXISTS elsewhere")
    one.execute("USE elsewhere")
    third = connect(url.removesuffix("default") + "elsewhere")
    current = [c.execute("SELECT currentDatabase()")[0][0] for c in (one, other, third)]
    assert current == ["elsewhere", "default", "elsewhere"]
    third.execute("CREATE TABLE here (a UInt8) ENGINE = MergeTree ORDER BY a")
    one.execute("INSERT INTO here VALUES", [(1,)])
    assert third.execute("SELECT * FROM here") == [(1,)]
    other.execute("DROP DATABASE elsewhere")


def test_temporary_tables_are_per_client(connect: Connect) -> None:
    one, other = connect(), connect()
    one.execute("CREATE TEMPORARY TABLE mine (a UInt8)")
    one.execute("INSERT INTO mine SELECT 1")
    assert one.execute("SELECT * FROM mine") == [(1,)]
    with pytest.raises(ServerException):
        other.execute("SELECT * FROM mine")


def test_readonly_for_one_query_forbids_writing_in_that_query_only(
    client: Client, table: str
) -> None:
    create = f"CREATE TABLE {table} (a UInt8) ENGINE = MergeTree ORDER BY a"
    with pytest.raises(ServerException) as refused:
        client.execute(create, settings={"readonly": 1})
    assert refused.value.code == ErrorCodes.READONLY
    assert client.execute("SELECT 1", settings={"readonly": 1}) == [(1,)]
    client.execute(create)


def test_readonly_is_not_left_at_the_price_of_a_temporary_table(client: Client) -> None:
    client.execute("CREATE TEMPORARY TABLE mine (a UInt8)")
    client.execute("SELECT 1", settings={"readonly": 1})
    with pytest.raises(ServerException) as refused:
        client.execute("SELECT 1")
    assert refused.value.code == ErrorCodes.READONLY


@pytest.mark.parametrize("options", [{}, {"compression": "lz4"}], ids=["plain", "lz4"])
def test_external_tables_come_and_go_with_their_query(
    connect: Connect, options: dict[str, str]
) -> None:
    client = connect(**options)
    tables = [
        {
            "name": "wanted",
            "structure": [("id", "UInt64"), ("word", "LowCardinality(String)")],
            "data": [{"id": 1, "word": "one"}, {"id": 3, "word": "three"}],
        },
        {"name": "empty", "structure": [("id", "UInt64")], "data": []},
    ]
    sql = (
        "SELECT number, word FROM numbers(5) AS n JOIN wanted ON wanted.id = n.number"
        " WHERE number NOT IN (SELECT id FROM empty) ORDER BY number"
    )
    for _ in range(2):
        assert client.execute(sql, external_tables=tables) == [(1, "one"), (3, "three")]
    with pytest.raises(ServerException):
        client.execute("SELECT * FROM wanted")


def test_one_query_id_runs_once_at_a_time(connect: Connect) -> None:
    one, other = connect(), connect()
    rows = one.execute_iter("SELECT number FROM numbers(5000000)", query_id="the-one")
    next(rows)
    with pytest.raises(ServerException) as refused:
        other.execute("SELECT 1", query_id="the-one")
    assert refused.value.code == 216
    one.disconnect()
