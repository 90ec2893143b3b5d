"""ClickHouse's own client of the native protocol, in another process, understands the server."""

import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from clickhouse_driver import Client

ASK = """
import sys
from chdb import _chdb
session = _chdb.connect(":memory:")
for sql in sys.argv[1:]:
    print(session.query(sql, "TSV").bytes().decode(), end="")
"""


def ask(*statements: str, method: str = "LZ4") -> str:
    chosen = f"SET network_compression_method = '{method}'"
    command = [sys.executable, "-c", ASK, chosen, *statements]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout if done.returncode == 0 else done.stderr


@pytest.fixture
def remote(url: str, client: Client, table: str) -> str:
    """The `remote()` call for a table that both sides know."""
    client.execute(
        f"CREATE TABLE {table} (n UInt64, word LowCardinality(String), tags Map(String, String),"
        f" at DateTime64(3, 'UTC')) ENGINE = MergeTree ORDER BY n"
    )
    address = urlsplit(url)
    place = f"{address.hostname}:{address.port}"
    return f"remote('{place}', 'default', '{table}', 'default', '{address.password}')"


def test_it_reads_what_the_driver_wrote(client: Client, table: str, remote: str) -> None:
    client.execute(
        f"INSERT INTO {table} SELECT number, toString(number % 3), map('k', toString(number)), 0"
        f" FROM numbers(200000)"
    )
    answers = ask(
        f"SELECT count(), sum(n), uniq(word), max(tags['k']) FROM {remote}",
        f"SELECT n, word, tags, at FROM {remote} WHERE n = 7",
        f"SELECT count() FROM (SELECT * FROM {remote})",
        f"SELECT * FROM {remote} WHERE n > 999999",
    )
    assert answers.splitlines() == [
        "200000\t19999900000\t3\t99999",
        "7\t1\t{'k':'7'}\t1970-01-01 00:00:00.000",
        "200000",
    ]


def test_it_writes_blocks_of_any_size(client: Client, table: str, remote: str) -> None:
    # Half a million rows are a block of several compressed frames.
    answers = ask(
        f"INSERT INTO FUNCTION {remote} (n, word, tags) SELECT number, 'w', map('k', 'v')"
        f" FROM numbers(500000)"
    )
    assert answers == ""
    sql = f"SELECT count(), sum(n), countIf(tags = map('k', 'v') AND word = 'w') FROM {table}"
    assert client.execute(sql) == [(500000, 500000 * 499999 // 2, 500000)]


def test_it_is_told_what_is_wrong(client: Client, table: str, remote: str) -> None:
    client.execute(f"INSERT INTO {table} (n) VALUES", [(1,)])
    told = ask(f"SELECT * FROM {remote.replace(table, 'nowhere')}")
    assert "There is no table `default`.`nowhere` on server" in told
    told = ask(f"SELECT throwIf(n = 1) FROM {remote}")
    assert "Received from 127.0.0.1" in told
    assert "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO" in told


def test_a_compression_that_is_not_understood_is_refused_by_name(remote: str) -> None:
    told = ask(f"SELECT * FROM {remote}", method="ZSTD")
    assert "UNKNOWN_COMPRESSION_METHOD" in told
