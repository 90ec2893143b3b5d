"""The keys of labels that a tenant's events bear."""

from metering.clickhouse.connection import select
from metering.clickhouse.scope import Scope


def label_keys(scope: Scope, limit: int) -> list[str]:
    """The keys in the scope, those on most events first."""
    sql = (
        "SELECT arrayJoin(mapKeys(labels)) AS key FROM events"
        f" WHERE {scope.where} AND notEmpty(labels)"
        " GROUP BY key ORDER BY count() DESC, key LIMIT %(limit)s"
    )
    return [key for (key,) in select(sql, scope.params | {"limit": limit})]
