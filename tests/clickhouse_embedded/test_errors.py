"""Errors carry ClickHouse's own numbers and messages, and leave the connection usable."""

import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ErrorCodes, NetworkError, ServerException

from tests.clickhouse_embedded.conftest import Connect

SLOW = "SELECT count() FROM numbers(100000000000) WHERE NOT ignore(sipHash64(number))"

REFUSED: list[tuple[str, dict[str, Any], int, str]] = [
    ("SELECT * FROM nowhere", {}, ErrorCodes.UNKNOWN_TABLE, "nowhere"),
    ("SELEC 1", {}, ErrorCodes.SYNTAX_ERROR, "SELEC"),
    ("SELECT 'open", {}, ErrorCodes.SYNTAX_ERROR, "Syntax error"),
    ("", {}, ErrorCodes.SYNTAX_ERROR, "empty"),
    ("SELECT 1; SELECT 2", {}, ErrorCodes.SYNTAX_ERROR, "ulti-statements"),
    ("SELECT nothing FROM numbers(1)", {}, ErrorCodes.UNKNOWN_IDENTIFIER, "nothing"),
    ("SELECT 1", {"no_such_setting": 1}, ErrorCodes.UNKNOWN_SETTING, "no_such_setting"),
    ("SELECT 1", {"max_threads": "many"}, 27, "many"),
    (
        "SELECT number, count() FROM numbers(10000000) GROUP BY number",
        {"max_memory_usage": 10_000_000},
        ErrorCodes.MEMORY_LIMIT_EXCEEDED,
        "memory limit exceeded",
    ),
    (SLOW, {"max_execution_time": 0.2}, ErrorCodes.TIMEOUT_EXCEEDED, "Timeout exceeded"),
    ("USE nowhere", {}, ErrorCodes.UNKNOWN_DATABASE, "nowhere"),
    ("INSERT INTO nowhere VALUES (1)", {}, ErrorCodes.NOT_IMPLEMENTED, "Rows inside an INSERT"),
    ("SELECT 1 INTO OUTFILE 'x'", {}, ErrorCodes.NOT_IMPLEMENTED, "OUTFILE"),
    (
        "SELECT number % 2 AS n, count() FROM numbers(9) GROUP BY n WITH TOTALS",
        {},
        ErrorCodes.NOT_IMPLEMENTED,
        "WITH TOTALS",
    ),
    ("SELECT 1", {"extremes": 1}, ErrorCodes.NOT_IMPLEMENTED, "extremes"),
]


@pytest.mark.parametrize(
    ("sql", "settings", "code", "message"), REFUSED, ids=[f"{row[2]}: {row[0]}" for row in REFUSED]
)
def test_a_refusal_has_its_number(
    client: Client, sql: str, settings: dict[str, Any], code: int, message: str
) -> None:
    with pytest.raises(ServerException) as refused:
        client.execute(sql, settings=settings)
    assert refused.value.code == code
    assert message in refused.value.message
    assert client.execute("SELECT 1") == [(1,)]


def test_an_error_in_the_middle_of_a_result_is_told(client: Client) -> None:
    sql = "SELECT throwIf(number = 3000000) FROM numbers(10000000)"
    with pytest.raises(ServerException) as refused:
        for _ in client.execute_iter(sql):
            pass
    assert refused.value.code == 395


def test_a_connection_outlives_its_errors(connect: Connect) -> None:
    connection = connect().connection
    connection.connect()
    for _ in range(3):
        connection.send_query("SELECT * FROM nowhere")
        connection.send_external_tables([])
        assert connection.receive_packet().exception.code == ErrorCodes.UNKNOWN_TABLE
    assert connection.ping()


@pytest.mark.parametrize("who", ["default:wrong", "default:", "root:{password}"])
def test_only_who_knows_the_password_comes_in(connect: Connect, url: str, who: str) -> None:
    known, place = url.removeprefix("clickhouse://").split("@")
    password = known.split(":")[1]
    stranger = connect(f"clickhouse://{who.format(password=password)}@{place}")
    with pytest.raises(ServerException) as refused:
        stranger.execute("SELECT 1")
    assert refused.value.code == 516  # AUTHENTICATION_FAILED


def test_a_database_that_does_not_exist_is_refused_at_the_door(connect: Connect, url: str) -> None:
    with pytest.raises(ServerException) as refused:
        connect(url.removesuffix("default") + "nowhere").execute("SELECT 1")
    assert refused.value.code == ErrorCodes.UNKNOWN_DATABASE


def test_a_client_that_speaks_another_language_is_shown_out(url: str, client: Client) -> None:
    with socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=5) as caller:
        caller.sendall(b"GET / HTTP/1.1\r\n\r\n")
        caller.shutdown(socket.SHUT_WR)
        assert b"Expected Hello" in caller.recv(1000)
    assert client.execute("SELECT 1") == [(1,)]


def test_a_revision_too_old_is_refused(connect: Connect) -> None:
    with pytest.raises((ServerException, NetworkError)) as refused:
        connect(client_revision=54400).execute("SELECT 1")
    assert "too old" in str(refused.value)
