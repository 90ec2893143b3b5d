"""Brings the ClickHouse schema up to date: numbered files, one statement each, forward only."""

from pathlib import Path

from django.conf import settings

from metering.clickhouse.cluster import cluster_statements
from metering.clickhouse.connection import command, insert, select

SCHEMA = Path(__file__).parent / "schema"
APPLIED = (
    "CREATE TABLE IF NOT EXISTS schema_migrations"
    " (name String, applied_at DateTime('UTC') DEFAULT now())"
    " ENGINE = ReplacingMergeTree ORDER BY name"
)


class OtherLayout(Exception):
    """The store was made for one server and is used as a cluster, or the other way round."""


def migrate() -> list[str]:
    """Apply what has not been applied; returns the names of the files it ran.

    Every statement is written to be harmless the second time, for a kill may come between
    running it and noting it.
    """
    _check_layout()
    _run(APPLIED)
    applied = {name for (name,) in select("SELECT name FROM schema_migrations")}
    ran = []
    for path in sorted(SCHEMA.glob("*.sql")):
        if path.name not in applied:
            _run(path.read_text())
            insert("schema_migrations", ["name"], [[path.name]])
            ran.append(path.name)
    return ran


def _check_layout() -> None:
    """Tables that are there already would be left as they are, and rows end up in two places."""
    engines = select(
        "SELECT engine FROM system.tables"
        " WHERE database = currentDatabase() AND name = 'schema_migrations'"
    )
    if engines and (engines[0][0] == "Distributed") != bool(settings.CLICKHOUSE_CLUSTER):
        made_for = "one server" if settings.CLICKHOUSE_CLUSTER else "a cluster"
        raise OtherLayout(
            f"the event store was made for {made_for}; CLICKHOUSE_CLUSTER must stay as it was"
        )


def _run(sql: str) -> None:
    if not settings.CLICKHOUSE_CLUSTER:
        command(sql)
        return
    [(database,)] = select("SELECT currentDatabase()")
    for statement in cluster_statements(sql, settings.CLICKHOUSE_CLUSTER, database):
        command(statement)
