"""Answers: with rows, without, and with more of them than memory would hold."""

import json
from pathlib import Path

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException
from clickhouse_driver.protocol import ServerPacketTypes

from metering.clickhouse.embedded.protocol import ROWS_ONLY
from tests.clickhouse_embedded.conftest import Connect

NO_ROWS = [
    ("SELECT number AS n, toString(n) AS s FROM numbers(9) WHERE n > 9", ["n UInt64", "s String"]),
    ("WITH 1 AS x SELECT x LIMIT 0 SETTINGS max_threads = 1 -- nothing", ["x UInt8"]),
    ("(SELECT 1 AS a LIMIT 0) UNION ALL (SELECT 2 LIMIT 0)", ["a UInt8"]),
    ("SELECT 1 AS a LIMIT 0 FORMAT JSON", ["a UInt8"]),
    ("SHOW TABLES LIKE 'nothing like it'", ["name String"]),
    (
        "SELECT uniqState(number) AS u FROM numbers(3) HAVING 0",
        ["u AggregateFunction(uniq, UInt64)"],
    ),
]


@pytest.mark.parametrize("options", [{}, {"compression": "lz4"}], ids=["plain", "lz4"])
@pytest.mark.parametrize(("sql", "columns"), NO_ROWS, ids=[sql for sql, _ in NO_ROWS])
def test_an_answer_without_rows_has_its_columns(
    connect: Connect, sql: str, columns: list[str], options: dict[str, str]
) -> None:
    rows, types = connect(**options).execute(sql, with_column_types=True)
    assert rows == []
    assert [" ".join(column) for column in types] == columns


@pytest.mark.parametrize("sql", [sql for sql, _ in NO_ROWS])
def test_a_client_that_does_without_columns_gets_the_same_rows(connect: Connect, sql: str) -> None:
    client = connect(client_name=ROWS_ONLY)
    assert client.execute(sql, with_column_types=True) == ([], [])
    assert list(client.execute_iter(sql)) == []
    assert client.execute("SELECT number, 'x' FROM numbers(2)") == [(0, "x"), (1, "x")]
    assert list(client.execute_iter("SELECT number FROM numbers(3)")) == [(0,), (1,), (2,)]
    with pytest.raises(ServerException, match="UNKNOWN_TABLE"):
        client.execute("SELECT 1 FROM nowhere WHERE 0")


STATEMENTS = [
    ("SHOW DATABASES LIKE 'default'", [("default",)]),
    ("EXISTS TABLE nowhere", [(0,)]),
    ("EXPLAIN SYNTAX SELECT 1", [("SELECT 1\nFROM system.one",)]),
    ("SELECT 1 AS a FORMAT JSON", [(1,)]),
    ("SELECT 'semi;colon' AS a; ", [("semi;colon",)]),
    ("/* first */ select 2 -- last", [(2,)]),
    ("SYSTEM FLUSH LOGS", []),
    ("CHECK TABLE {table}", [("all_1_1_0", 1, "")]),
    ("SELECT a FROM {table}", [(1,), (2,)]),
    ("INSERT INTO {table} SELECT a + 2 FROM {table}", []),
    ("WITH x AS (SELECT 9 AS a) INSERT INTO {table} SELECT a FROM x", []),
    ("SELECT sum(a) FROM {table}", [(19,)]),
    ("OPTIMIZE TABLE {table} FINAL", []),
    ("SELECT count() FROM system.parts WHERE active AND table = '{table}'", [(1,)]),
    ("ALTER TABLE {table} DELETE WHERE a = 9 SETTINGS mutations_sync = 2", []),
    ("ALTER TABLE {table} ADD COLUMN b String DEFAULT 'x'", []),
    ("SELECT a, b FROM {table} WHERE a = 4", [(4, "x")]),
    ("EXISTS TABLE {table}", [(1,)]),
    ("TRUNCATE TABLE {table}", []),
    ("SELECT count() FROM {table}", [(0,)]),
]


@pytest.mark.parametrize("name", ["python-driver", ROWS_ONLY])
def test_statements_of_every_kind_work(connect: Connect, table: str, name: str) -> None:
    client = connect(client_name=name)
    client.execute(f"CREATE TABLE {table} (a UInt32) ENGINE = MergeTree ORDER BY a")
    client.execute(f"INSERT INTO {table} (a) VALUES", [(1,), (2,)])
    for sql, rows in STATEMENTS:
        assert client.execute(sql.format(table=table)) == rows, sql
    names = [row[0] for row in client.execute(f"DESCRIBE TABLE {table}")]
    assert names == ["a", "b"]
    assert client.execute(f"SHOW CREATE TABLE {table}")[0][0].startswith("CREATE TABLE")


def test_parameters_are_bound(client: Client) -> None:
    values = {"text": "it's \\ 50%", "number": 7, "list": [1, 2]}
    rows = client.execute("SELECT %(text)s, %(number)s, %(list)s", values)
    assert rows == [("it's \\ 50%", 7, [1, 2])]


def test_many_rows_come_in_many_blocks(client: Client) -> None:
    (numbers,) = client.execute("SELECT number FROM numbers(300000)", columnar=True)
    assert sum(numbers) == 300000 * 299999 // 2
    assert len(client.execute("SHOW FUNCTIONS")) > 1000


def test_progress_and_profile_are_told(client: Client) -> None:
    client.execute("SELECT number FROM numbers(200000)")
    assert client.last_query.profile_info.rows == 200000
    assert client.last_query.profile_info.blocks >= 3
    assert client.last_query.progress.rows >= 200000


@pytest.mark.parametrize("options", [{}, {"compression": "lz4"}], ids=["plain", "lz4"])
def test_fifty_million_rows_pass_through_little_memory(
    connect: Connect, folder: Path, options: dict[str, str]
) -> None:
    server = json.loads((folder / "address").read_text())["pid"]
    connection = connect(**options).connection
    connection.connect()
    before = resident_megabytes(server)
    rows = most = blocks = 0
    connection.send_query("SELECT toUInt8(number) FROM numbers(50000000)")
    connection.send_external_tables([])
    while (packet := connection.receive_packet()).type != ServerPacketTypes.END_OF_STREAM:
        assert packet.exception is None
        if packet.type == ServerPacketTypes.DATA:
            rows, blocks = rows + packet.block.num_rows, blocks + 1
            most = max(most, resident_megabytes(server)) if blocks % 50 == 0 else most
    assert rows == 50_000_000
    assert most - before < 100


def resident_megabytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) // 1024
