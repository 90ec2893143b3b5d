"""Brings the ClickHouse schema up to date: numbered files, one statement each, forward only."""

from pathlib import Path

from metering.clickhouse.connection import command, insert, select

SCHEMA = Path(__file__).parent / "schema"


def migrate() -> list[str]:
    """Apply what has not been applied; returns the names of the files it ran.

    Every statement is written to be harmless the second time, for a kill may come between
    running it and noting it.
    """
    command(
        "CREATE TABLE IF NOT EXISTS schema_migrations"
        " (name String, applied_at DateTime('UTC') DEFAULT now())"
        " ENGINE = ReplacingMergeTree ORDER BY name"
    )
    applied = {name for (name,) in select("SELECT name FROM schema_migrations")}
    ran = []
    for path in sorted(SCHEMA.glob("*.sql")):
        if path.name not in applied:
            command(path.read_text())
            insert("schema_migrations", ["name"], [[path.name]])
            ran.append(path.name)
    return ran
