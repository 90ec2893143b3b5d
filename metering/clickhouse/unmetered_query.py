"""How many model calls reported no usage: they are kept in quarantine and never billed as zero."""

from metering.clickhouse.connection import select
from metering.clickhouse.event_columns import micros
from metering.clickhouse.quarantine import UNMETERED
from metering.usage.event import MAX_FUTURE
from metering.usage.period import Period

# When it happened stands in what is kept of it: as the time of an event, or as LiteLLM's endTime.
_TIME = """
    coalesce(
        parseDateTime64BestEffortOrNull(JSONExtractString(body, 'time'), 6, 'UTC'),
        if(JSONExtractFloat(body, 'endTime') BETWEEN 1 AND 1e11,
            fromUnixTimestamp64Micro(toInt64(JSONExtractFloat(body, 'endTime') * 1e6), 'UTC'),
            NULL),
        received_at
    )
"""


def unmetered_calls(tenant: int, period: Period) -> int:
    """Calls of the period without usage, each once however often it was sent."""
    [(count,)] = select(
        f"SELECT uniqExact(reference) FROM quarantine WHERE tenant = %(tenant)s"
        " AND received_at >= fromUnixTimestamp64Micro(%(earliest)s)"
        f" AND startsWith(detail, '{UNMETERED}') AND {_TIME} >= fromUnixTimestamp64Micro(%(start)s)"
        f" AND {_TIME} < fromUnixTimestamp64Micro(%(end)s)",
        {
            "tenant": tenant,
            # Nothing is taken that is further ahead of its receipt.
            "earliest": micros(period.start - MAX_FUTURE),
            "start": micros(period.start),
            "end": micros(period.end),
        },
    )
    return int(count)
