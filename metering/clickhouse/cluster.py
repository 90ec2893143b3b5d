"""The store on a cluster: replicated tables that hold rows, Distributed ones under the plain names.

The cluster's form of a schema statement is derived from the numbered file. Statements are
recognised whole, so one of a shape not known here raises instead of coming out half replicated.
Why tables are sharded by tenant, and why these settings: docs/decisions/0009-cluster.md.
"""

import re

from django.conf import settings

from metering.clickhouse.embedded.statement import Token, tokens

# What every connection asks for. Whatever one writer has stored, every other one shall find.
SETTINGS: dict[str, object] = {
    # Answer when the shard has the rows, not when they are queued on the way to it.
    "distributed_foreground_insert": 1,
    # ... and when most of its replicas have them.
    "insert_quorum": "auto",
    # Everybody writes to and reads from the same replica of a shard, and no other one that lags.
    "load_balancing": "in_order",
    "prefer_localhost_replica": 0,
    "max_replica_delay_for_distributed_queries": 1,
    "fallback_to_stale_replicas_for_distributed_queries": 0,
    # Equal blocks are not resends: what is one is decided by the identity of events.
    "insert_deduplicate": 0,
    # A tenant is on one shard, with all that its queries join.
    "optimize_skip_unused_shards": 1,
    "distributed_product_mode": "local",
    "parallel_distributed_insert_select": 0,
}

_CREATE = re.compile(
    r"CREATE TABLE IF NOT EXISTS \w+ \( ENGINE = (?:MERGETREE|REPLACINGMERGETREE(?: \()?)"
    r"(?: PARTITION BY (?:\w+ \(|\w+|\())? ORDER BY (?:\w+|\()"
    r"(?: SETTINGS \w+ = \w+(?: , \w+ = \w+)*)?"
)
_NAME, _ENGINE = 5, 9  # where they stand among the words of a CREATE
_REPLICATED = {
    "MERGETREE": "ReplicatedMergeTree",
    "REPLACINGMERGETREE": "ReplicatedReplacingMergeTree",
}
_REPLICA = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'"
# Which shard holds a row; a table is sorted by it first, too.
_SHARDED_BY = {"schema_migrations": "name"}

# ALTERs of both tables, and of the one that holds the rows.
_OF_COLUMNS = {f"{verb} COLUMN" for verb in ("ADD", "DROP", "MODIFY", "RENAME", "COMMENT")}
_OF_STORAGE = {
    f"{verb} {what}"
    for verb in ("ADD", "DROP", "MATERIALIZE", "CLEAR")
    for what in ("INDEX", "PROJECTION")
} | {"MODIFY SETTING", "MATERIALIZE COLUMN"}


class UnknownStatement(Exception):
    """A schema statement whose form on a cluster is not known."""


def stored(table: str) -> str:
    """The table that holds the rows, as the shard knows it."""
    return f"{table}_local" if settings.CLICKHOUSE_CLUSTER else table


def on_cluster() -> str:
    """What makes a statement about a stored table one for every server."""
    return f" ON CLUSTER '{settings.CLICKHOUSE_CLUSTER}'" if settings.CLICKHOUSE_CLUSTER else ""


def everywhere(table: str) -> str:
    """A system table, of every server."""
    cluster = settings.CLICKHOUSE_CLUSTER
    return f"clusterAllReplicas('{cluster}', {table})" if cluster else table


def cluster_statements(sql: str, cluster: str, database: str) -> list[str]:
    """What to run on a cluster instead of one schema statement, in order."""
    found = tokens(sql)
    words = " ".join(token.text for token in found)
    if _CREATE.fullmatch(words):
        return _created(sql, found, cluster, database)
    if re.match(r"ALTER TABLE \w+ ", words):
        return _altered(sql, found, cluster)
    raise UnknownStatement(f"no form on a cluster is known for: {words}")


def _created(sql: str, found: list[Token], cluster: str, database: str) -> list[str]:
    name = _text(sql, found[_NAME])
    column = _SHARDED_BY.get(name, "tenant")
    if _first_sorted_by(sql, found) != column:
        raise UnknownStatement(f"{name} is sharded by {column} and has to be sorted by it first")
    engine, after = found[_ENGINE], found[_ENGINE + 1]
    arguments = _text(sql, after)[1:-1] if after.text == "(" else ""
    end = after.end if after.text == "(" else engine.end
    replicated = f"{_REPLICATED[engine.text]}({', '.join(filter(None, (_REPLICA, arguments)))})"
    return [
        f"{_as_stored(sql[: engine.start], found[_NAME], cluster)}{replicated}{sql[end:]}",
        f"CREATE TABLE IF NOT EXISTS {name} ON CLUSTER '{cluster}' AS {name}_local ENGINE ="
        f" Distributed('{cluster}', '{database}', '{name}_local', cityHash64({column}))",
    ]


def _first_sorted_by(sql: str, found: list[Token]) -> str:
    order = next(n for n, token in enumerate(found) if token.text == "ORDER" and n > _ENGINE)
    return _text(sql, found[order + 2]).strip("()").split(",")[0].strip()


def _altered(sql: str, found: list[Token], cluster: str) -> list[str]:
    kinds = _commands([token.text for token in found[3:]])
    of_storage = _as_stored(sql, found[2], cluster)
    if kinds <= _OF_STORAGE:
        return [of_storage]
    if not kinds <= _OF_COLUMNS or ("DROP COLUMN" in kinds and len(kinds) > 1):
        raise UnknownStatement(f"no form on a cluster is known for: {', '.join(sorted(kinds))}")
    name = found[2]
    of_both = [of_storage, f"{sql[: name.end]} ON CLUSTER '{cluster}'{sql[name.end :]}"]
    # A column is offered only while it is stored.
    return of_both[::-1] if "DROP COLUMN" in kinds else of_both


def _commands(words: list[str]) -> set[str]:
    """The first two words of each command of an ALTER."""
    starts = [0, *(n + 1 for n, word in enumerate(words) if word == ",")]
    return {" ".join(words[start : start + 2]) for start in starts}


def _as_stored(sql: str, name: Token, cluster: str) -> str:
    return f"{sql[: name.end]}_local ON CLUSTER '{cluster}'{sql[name.end :]}"


def _text(sql: str, token: Token) -> str:
    return sql[token.start : token.end]
