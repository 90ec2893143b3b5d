"""The schema's form on a cluster, and a cluster of two shards that takes and counts events."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from clickhouse_driver import Client
from pytest_django import Settings

from metering import queries
from metering.clickhouse import cluster, connection, generations, rollup, trace_spans
from metering.clickhouse.barrier import others_ended, store_now
from metering.clickhouse.cluster import UnknownStatement, cluster_statements
from metering.clickhouse.migrate import APPLIED, SCHEMA, OtherLayout, migrate
from metering.models import Tenant
from metering.usage.period import month_period
from tests.two_shards import running_servers, the_store_is

FILES = sorted(SCHEMA.glob("*.sql"))
TABLES = {path.stem: path.read_text() for path in FILES if "ALTER" not in path.read_text()}
TABLES["schema_migrations"] = APPLIED
ALTERATIONS = {path.stem: path.read_text() for path in FILES if path.stem not in TABLES}


def in_one_line(statement: str) -> str:
    """As ClickHouse's own parser understood it."""
    sql = "SELECT formatQuerySingleLine(%(statement)s)"
    [(formatted,)] = connection.select(sql, {"statement": statement})
    return str(formatted)


@pytest.mark.parametrize("sql", TABLES.values(), ids=TABLES)
def test_every_file_becomes_a_replicated_table_and_a_distributed_one(
    migrated_store: None, sql: str
) -> None:
    stored, distributed = map(in_one_line, cluster_statements(sql, "fleet", "daybook"))
    name = in_one_line(sql).split()[5]
    sharded_by = "name" if name == "schema_migrations" else "tenant"
    assert stored.startswith(f"CREATE TABLE IF NOT EXISTS {name}_local ON CLUSTER fleet (")
    assert " ENGINE = Replicated" in stored
    assert "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'" in stored
    assert distributed == (
        f"CREATE TABLE IF NOT EXISTS {name} ON CLUSTER fleet AS {name}_local ENGINE ="
        f" Distributed('fleet', 'daybook', '{name}_local', cityHash64({sharded_by}))"
    )


@pytest.mark.parametrize("sql", TABLES.values(), ids=TABLES)
def test_but_for_the_engine_a_stored_table_is_what_the_file_says(
    migrated_store: None, sql: str
) -> None:
    stored = in_one_line(cluster_statements(sql, "fleet", "daybook")[0])
    stored = stored.replace("_local ON CLUSTER fleet", "").replace(
        "ENGINE = Replicated", "ENGINE = "
    )
    replica = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'"
    stored = stored.replace(f"({replica})", "").replace(f"{replica}, ", "")
    assert stored == in_one_line(sql)


@pytest.mark.parametrize("sql", ALTERATIONS.values(), ids=ALTERATIONS)
def test_every_alteration_reaches_the_table_that_holds_the_rows(
    migrated_store: None, sql: str
) -> None:
    stored = in_one_line(cluster_statements(sql, "fleet", "daybook")[0])
    assert stored.replace("_local ON CLUSTER fleet", "") == in_one_line(sql)


ALTERS = [
    (
        "ALTER TABLE events ADD COLUMN IF NOT EXISTS a Map(String, String), COMMENT COLUMN b ','",
        [
            "ALTER TABLE events_local ON CLUSTER fleet"
            " (ADD COLUMN IF NOT EXISTS `a` Map(String, String)), (COMMENT COLUMN b ',')",
            "ALTER TABLE events ON CLUSTER fleet"
            " (ADD COLUMN IF NOT EXISTS `a` Map(String, String)), (COMMENT COLUMN b ',')",
        ],
    ),
    (
        "-- Why.\nALTER TABLE events DROP COLUMN IF EXISTS a, DROP COLUMN b",
        [
            "ALTER TABLE events ON CLUSTER fleet (DROP COLUMN IF EXISTS a), (DROP COLUMN b)",
            "ALTER TABLE events_local ON CLUSTER fleet (DROP COLUMN IF EXISTS a), (DROP COLUMN b)",
        ],
    ),
    (
        "ALTER TABLE events ADD INDEX i task TYPE minmax",
        ["ALTER TABLE events_local ON CLUSTER fleet (ADD INDEX i task TYPE minmax GRANULARITY 1)"],
    ),
]


@pytest.mark.parametrize(("sql", "expected"), ALTERS)
def test_alterations_reach_the_stored_table_and_those_of_columns_both(
    migrated_store: None, sql: str, expected: list[str]
) -> None:
    assert [in_one_line(s) for s in cluster_statements(sql, "fleet", "d")] == expected


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE IF NOT EXISTS t (tenant UInt64) ENGINE = Memory",
        "CREATE TABLE IF NOT EXISTS t (tenant UInt64) ENGINE = SummingMergeTree ORDER BY tenant",
        "CREATE TABLE IF NOT EXISTS t (tenant UInt64) ENGINE = MergeTree() ORDER BY tenant",
        "CREATE TABLE t (tenant UInt64) ENGINE = MergeTree ORDER BY tenant",
        "CREATE TABLE IF NOT EXISTS t (name String) ENGINE = MergeTree ORDER BY name",
        "CREATE TABLE IF NOT EXISTS t (tenant UInt64) ENGINE = MergeTree ORDER BY tenant TTL now()",
        "CREATE TABLE IF NOT EXISTS t ENGINE = MergeTree ORDER BY tenant AS SELECT 1 AS tenant",
        "CREATE MATERIALIZED VIEW v TO t AS SELECT 1",
        "ALTER TABLE events DELETE WHERE tenant = 1",
        "ALTER TABLE events ADD COLUMN a String, ADD INDEX i a TYPE minmax",
        "ALTER TABLE events ADD COLUMN a String, DROP COLUMN b",
        "DROP TABLE events",
    ],
)
def test_a_statement_whose_form_is_not_known_is_refused(sql: str) -> None:
    with pytest.raises(UnknownStatement):
        cluster_statements(sql, "fleet", "daybook")


def test_a_store_made_for_one_server_is_not_taken_for_a_cluster(
    migrated_store: None, settings: Settings
) -> None:
    settings.CLICKHOUSE_CLUSTER = "fleet"
    with pytest.raises(OtherLayout, match="was made for one server"):
        migrate()


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """The addresses of two servers that are a shard each."""
    with running_servers(tmp_path_factory.mktemp("cluster")) as urls:
        yield urls


@pytest.fixture
def two_shards(servers: list[str], db: None) -> Iterator[list[str]]:
    """The store is the cluster, reached through its first server; the schema is there."""
    with the_store_is(servers):
        migrate()
        yield servers


def on_each(servers: list[str], sql: str, **bound: object) -> list[list[Any]]:
    answers = []
    for url in servers:
        with Client.from_url(url) as client:
            answers.append(client.execute(sql, bound))
    return answers


@pytest.mark.parametrize("sql", TABLES.values(), ids=TABLES)
def test_every_replicated_table_is_one_that_the_engine_makes(servers: list[str], sql: str) -> None:
    stored = cluster_statements(sql, "fleet", "replicated")[0].replace(" ON CLUSTER 'fleet'", "")
    name = re.search(r"EXISTS (\w+)", stored)[1]  # type: ignore[index]
    with Client.from_url(servers[1]) as client:
        client.execute("CREATE DATABASE IF NOT EXISTS replicated")
        client.execute("USE replicated")
        client.execute(stored)
        sql = "SELECT engine FROM system.tables WHERE database = 'replicated' AND name = %(name)s"
        [(engine,)] = client.execute(sql, {"name": name})
    assert engine in {"ReplicatedMergeTree", "ReplicatedReplacingMergeTree"}


NOW = datetime(2026, 10, 5, 12, tzinfo=UTC)


def make_tenant(pk: int) -> Tenant:
    return Tenant.objects.create(pk=pk, slug=f"tenant-{pk}", name=f"Tenant {pk}")


OCTOBER = month_period("2026-10", "UTC")


def input_tokens(tenant: Tenant) -> list[int]:
    """As events have it, and as the rollups do."""
    [row] = queries.usage(tenant, OCTOBER)
    calls = "SELECT sum(input_tokens) FROM rollup_calls WHERE " + generations.CURRENT
    [(rolled,)] = connection.select(calls, {"tenant": tenant.pk})
    return [row.input_tokens, rolled]


def test_each_tenant_is_whole_on_one_shard_and_counts_each_event_once(
    two_shards: list[str],
    event: Any,
    send: Callable[..., Any],
    roll: Callable[[Tenant], int],
) -> None:
    tenants = [make_tenant(pk) for pk in range(1, 7)]
    for tenant in tenants:
        events = [event.tokens(NOW + timedelta(hours=n), input_tokens=10) for n in range(3)]
        assert send(tenant, events).accepted == 3
        again = send(tenant, [*events, event.tokens(NOW, input_tokens=5, task="t")])
        assert (again.accepted, again.duplicates) == (1, 3)
        send(tenant, [event.task(NOW, "t")])
        assert roll(tenant) == 3
        assert input_tokens(tenant) == [35, 35]
    stored = on_each(two_shards, "SELECT tenant, count() FROM events_local GROUP BY tenant")
    assert sorted(row for rows in stored for row in rows) == [(pk, 5) for pk in range(1, 7)]
    assert all(stored), "both shards have some"


def test_of_two_rows_of_an_identity_the_first_counts_on_its_shard(
    two_shards: list[str], event: Any, send: Callable[..., Any], roll: Callable[[Tenant], int]
) -> None:
    tenant = make_tenant(11)
    send(tenant, [event.tokens(NOW, input_tokens=10), event.tokens(NOW, input_tokens=1)])
    # As a writer that was killed before its second look leaves it.
    columns = "tenant, type, time, source, id, identity, content, agent, model, attempt"
    connection.command(
        f"INSERT INTO events ({columns}, commit, input_tokens)"
        f" SELECT {columns}, commit + 1, 99 FROM events WHERE tenant = 11 AND input_tokens = 10"
    )
    assert queries.usage(tenant, OCTOBER)[0].input_tokens == 110
    roll(tenant)
    assert input_tokens(tenant) == [11, 11]


def test_what_is_known_of_the_running_inserts_and_clocks_comes_from_every_server(
    two_shards: list[str],
) -> None:
    clocks = connection.select(f"SELECT 1 FROM {cluster.everywhere('system.one')}")
    assert len(clocks) == 2
    assert others_ended(1) is not None
    assert abs(store_now() - datetime.now(UTC)) < timedelta(minutes=1)


def test_replaced_rollup_rows_are_removed_from_the_shard_that_has_them(
    two_shards: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = 21
    for generation in (1, 2):
        connection.insert(
            "rollup_agents",
            ["tenant", "hour", "generation", "day", "agent", "events"],
            [[tenant], [NOW], [generation], [NOW.date()], ["ada"], [1]],
        )
    connection.insert(
        "rollup_generations", ["tenant", "hour", "generation"], [[tenant], [NOW], [2]]
    )
    # The embedded server cannot leave a query half done; months of two shards need no merging.
    monkeypatch.setitem(cluster.SETTINGS, "distributed_group_by_no_merge", 1)
    connection.disconnect()
    rollup.forget_old_generations()
    left = on_each(
        two_shards, "SELECT generation FROM rollup_agents_local WHERE tenant = %(t)s", t=tenant
    )
    assert [row for rows in left for row in rows] == [(2,)]
    rollup.forget_scans(tenant)


def test_old_spans_are_dropped_from_every_shard_and_remembered_there(
    two_shards: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = ["tenant", "trace", "span", "response", "received_at"]
    for tenant in range(31, 37):
        rows: list[list[Any]] = [
            [tenant] * 2,
            ["a", "b"],
            ["s"] * 2,
            ["r", ""],
            [NOW, NOW - timedelta(days=200)],
        ]
        connection.insert("trace_spans", columns, rows)
    # As above: a trace is whole on its shard.
    monkeypatch.setitem(cluster.SETTINGS, "distributed_group_by_no_merge", 1)
    connection.disconnect()
    assert trace_spans.drop_before(NOW - timedelta(days=30)) == ["202603"]
    assert trace_spans.drop_before(NOW + timedelta(days=30)) == ["202610"]
    left = on_each(two_shards, "SELECT count() FROM trace_spans_local WHERE tenant > 30")
    assert left == [[(0,)], [(0,)]]
    remains = on_each(two_shards, "SELECT DISTINCT tenant, key FROM trace_remains_local")
    assert sorted(row for rows in remains for row in rows) == [(t, "r") for t in range(31, 37)]
    assert all(remains), "both shards have some"
    assert trace_spans.remains(33, ["r", "a"]) == {"r"}


def test_a_store_made_for_a_cluster_is_not_taken_for_one_server(
    two_shards: list[str], settings: Settings
) -> None:
    settings.CLICKHOUSE_CLUSTER = ""
    with pytest.raises(OtherLayout, match="was made for a cluster"):
        migrate()
