"""What each of some events adds to a number."""

from collections.abc import Sequence
from decimal import Decimal

from metering.clickhouse.connection import select
from metering.clickhouse.evidence_query import EventRow
from metering.clickhouse.scope import VALUE_SQL, Scope, seconds


def event_values(scope: Scope, value: str, rows: Sequence[EventRow]) -> list[Decimal]:
    """A value of each of some events of the scope, in their order."""
    if not rows:
        return []
    bound = scope.params | {"identities": [(row.source, row.id) for row in rows]}
    found = select(
        f"SELECT source, id, {VALUE_SQL[value]} FROM events"
        f" WHERE {scope.where} AND (source, id) IN %(identities)s",
        bound,
    )
    values = {(source, key): Decimal(number) for source, key, number in found}
    exact = [values[row.source, row.id] for row in rows]
    return [seconds(number) for number in exact] if value == "chip_seconds" else exact
