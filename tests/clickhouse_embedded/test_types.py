"""Every column type the product stores goes in and comes out unchanged, packed and plain."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from clickhouse_driver import Client

from tests.clickhouse_embedded.conftest import Connect

MOMENT = datetime(2026, 10, 25, 0, 59, 59, 123456, tzinfo=UTC)
MILLI = MOMENT.replace(microsecond=123000)
LARGE = "9" * 58 + "." + "123456789012345678"

VALUES: list[tuple[str, list[Any]]] = [
    ("UInt8", [0, 255]),
    ("UInt16", [0, 65535]),
    ("UInt32", [0, 2**32 - 1]),
    ("UInt64", [0, 2**64 - 1]),
    ("Int64", [-(2**63), 2**63 - 1]),
    ("Float64", [0.1, -1e300]),
    ("Bool", [True, False]),
    ("String", ["", "naïve ¶ 时间", "x" * 200, "y" * 20000]),
    ("FixedString(16)", ["0123456789abcdef", "fedcba9876543210"]),
    ("LowCardinality(String)", ["a", "b", "a", ""]),
    ("LowCardinality(Nullable(String))", ["a", None, "a"]),
    ("Array(String)", [[], ["a", ""], ["b" * 300]]),
    ("Array(UInt64)", [[1, 2**64 - 1], []]),
    ("Array(LowCardinality(String))", [["a", "b", "a"], []]),
    ("Array(Array(Nullable(UInt8)))", [[[1, None], []], []]),
    ("Map(LowCardinality(String), String)", [{"team": "red", "env": "prod"}, {}]),
    ("Map(String, UInt64)", [{"a": 1}, {"b": 2, "c": 3}]),
    ("Nullable(DateTime64(6))", [None, MOMENT]),
    ("DateTime64(3, 'UTC')", [MILLI, datetime(1970, 1, 1, tzinfo=UTC)]),
    ("DateTime64(6, 'UTC')", [MOMENT, MOMENT]),
    ("DateTime", [datetime(2026, 1, 1, tzinfo=UTC)]),
    ("Date", [date(2026, 11, 24), date(1970, 1, 1)]),
    ("Decimal(38, 18)", [Decimal("-12345678901234567890.123456789012345678"), Decimal(0)]),
    ("Decimal(76, 18)", [Decimal(LARGE), Decimal("-0.000000000000000001")]),
    ("UUID", [UUID("01234567-89ab-cdef-0123-456789abcdef"), UUID(int=0)]),
    ("Enum8('ok' = 1, 'it''s, (bad)' = -1)", ["ok", "it's, (bad)"]),
    ("Tuple(UInt8, String)", [(1, "one"), (2, "")]),
    ("Tuple(n UInt8, word LowCardinality(String))", [(1, "one"), (2, "one")]),
    ("SimpleAggregateFunction(max, UInt32)", [7, 8]),
]


def as_utc(value: Any) -> Any:
    """The driver gives columns without a zone of their own as naive times in the server's."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


@pytest.mark.parametrize("options", [{}, {"compression": "lz4"}], ids=["plain", "lz4"])
@pytest.mark.parametrize(("kind", "values"), VALUES, ids=[kind for kind, _ in VALUES])
def test_a_value_comes_back_as_it_was_sent(
    connect: Connect, table: str, kind: str, values: list[Any], options: dict[str, str]
) -> None:
    client = connect(**options)
    client.execute(f"CREATE TABLE {table} (n UInt32, v {kind}) ENGINE = MergeTree ORDER BY n")
    rows = list(enumerate(values))
    assert client.execute(f"INSERT INTO {table} (n, v) VALUES", rows) == len(rows)
    columns = [list(range(len(rows), 2 * len(rows))), values]
    client.execute(f"INSERT INTO {table} (n, v) VALUES", columns, columnar=True)
    stored, types = client.execute(f"SELECT v FROM {table} ORDER BY n", with_column_types=True)
    assert [as_utc(value) for (value,) in stored] == [*values, *values]
    assert [name for name, _ in types] == ["v"]


@pytest.mark.parametrize("options", [{}, {"compression": "lz4"}], ids=["plain", "lz4"])
def test_all_types_go_together_in_many_rows(
    connect: Connect, table: str, options: dict[str, str]
) -> None:
    client = connect(**options)
    columns = ", ".join(f"c{n} {kind}" for n, (kind, _) in enumerate(VALUES))
    client.execute(f"CREATE TABLE {table} ({columns}) ENGINE = MergeTree ORDER BY tuple()")
    rows = [tuple(values[n % len(values)] for _, values in VALUES) for n in range(3000)]
    client.execute(f"INSERT INTO {table} VALUES", rows)
    stored = client.execute(f"SELECT * FROM {table}")
    assert [tuple(map(as_utc, row)) for row in stored] == rows


def test_aggregate_states_are_merged_in_the_server(client: Client, table: str) -> None:
    state = "AggregateFunction(uniq, UInt64)"
    client.execute(
        f"CREATE TABLE {table} (day Date, agents {state})"
        f" ENGINE = AggregatingMergeTree ORDER BY day"
    )
    for start in (0, 50):  # 0..99 and 50..149: 150 different agents
        client.execute(
            f"INSERT INTO {table}"
            f" SELECT '2026-10-01', uniqState(number + {start}) FROM numbers(100)"
        )
    assert client.execute(f"SELECT uniqMerge(agents) FROM {table}") == [(150,)]
    client.execute(f"OPTIMIZE TABLE {table} FINAL")
    assert client.execute(f"SELECT uniqMerge(agents), count() FROM {table}") == [(150, 1)]


def test_times_are_utc_whatever_the_machine_says(client: Client) -> None:
    sql = "SELECT timezone(), toString(toDateTime(0))"
    assert client.execute(sql) == [("UTC", "1970-01-01 00:00:00")]
    assert client.connection.server_info.timezone == "UTC"
