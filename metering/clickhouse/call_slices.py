"""Cuts a period into slices whose calls can be looked at together in bounded memory."""

from collections.abc import Iterator
from datetime import UTC

from metering.clickhouse.connection import select
from metering.clickhouse.scope import Scope
from metering.usage.period import Period

# About 100 bytes for each block while its neighbours are looked up: some 400 MB.
MOST_BLOCKS = 4_000_000


def call_slices(scope: Scope) -> Iterator[Period]:
    """The scope's period in parts of at most MOST_BLOCKS prefix blocks, in order and without gaps.

    No part is cut below ten seconds, so a tenant that sends more than that in ten seconds gets
    parts as large as those. What is counted of a call can be summed over the parts.
    """
    return (part for part, _ in slices_and_blocks(scope))


def slices_and_blocks(scope: Scope) -> Iterator[tuple[Period, int]]:
    """The same parts with how many prefix blocks the calls in them have."""
    assert scope.period is not None, "calls are cut by time"  # noqa: S101
    start, blocks = scope.period.start, 0
    for at, more in select(
        "SELECT toStartOfInterval(time, INTERVAL 10 SECOND, 'UTC') AS at,"
        f" sum(length(prefix_blocks)) AS blocks FROM events WHERE {scope.where}"
        " AND notEmpty(prefix_blocks) GROUP BY at ORDER BY at",
        scope.params,
    ):
        begin = max(at.replace(tzinfo=UTC), scope.period.start)
        if blocks and blocks + more > MOST_BLOCKS:
            yield Period(start, begin), blocks
            start, blocks = begin, 0
        blocks += more
    yield Period(start, scope.period.end), blocks
