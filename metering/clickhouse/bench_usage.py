"""The yardstick of `bench export`: calls of many agents, and the engine's own CSV of them."""

import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from clickhouse_driver import Client

from metering.clickhouse.embedded.launch import ensure_running
from metering.clickhouse.event_columns import micros

_AT_ONCE = 1_000_000
_MONTH_MICROS = 30 * 86_400 * 1_000_000
_EVENTS = """
INSERT INTO events (tenant, type, time, source, id, identity, content, commit, agent, provider,
    model, modality, part, attempt, input_tokens, cache_read_tokens, output_tokens)
SELECT %(tenant)s, 'agent.tokens',
    fromUnixTimestamp64Micro(toInt64(%(start)s + intDiv(number * %(length)s, %(events)s))),
    'bench', concat('e', toString(number)), cityHash64(number), 1, 1,
    concat('agent-', leftPad(toString(number), 9, '0')), 'anthropic', 'claude-sonnet', 'text', 1, 1,
    number %% 4000, number %% 9000, number %% 700
FROM numbers(%(from)s, %(count)s)
"""
# The same groups in the same order, without tasks, chips, tools and cost.
_BARE = """
INSERT INTO FUNCTION file(%(path)s, 'CSVWithNames')
SELECT toString(toDate(time, 'UTC')) AS day, agent, provider, model, count() AS requests,
    sum(toUInt128(input_tokens)), sum(toUInt128(cache_read_tokens)),
    sum(toUInt128(cache_write_tokens)), sum(toUInt128(output_tokens)),
    sum(toUInt128(reasoning_tokens))
FROM events WHERE tenant = %(tenant)s
GROUP BY day, agent, provider, model ORDER BY day, agent, provider, model
"""


@dataclass(frozen=True, slots=True)
class UsageStore:
    """The store of an installation, as the bare driver sees it."""

    client: Client

    @classmethod
    def of(cls, folder: Path) -> "UsageStore":
        return cls(Client.from_url(ensure_running(folder)))

    def close(self) -> None:
        self.client.disconnect()

    def fill(self, tenant: int, events: int, start: datetime) -> None:
        """As many calls over thirty days, each of an agent of its own: a row of usage each."""
        bound = {"tenant": tenant, "start": micros(start), "length": _MONTH_MICROS}
        for first in range(0, events, _AT_ONCE):
            some = {"events": events, "from": first, "count": min(_AT_ONCE, events - first)}
            self.client.execute(_EVENTS, bound | some)

    def bare_seconds(self, tenant: int, path: Path) -> float:
        """How long the engine takes to write the groups to a file of its own."""
        begun = time.perf_counter()
        self.client.execute(_BARE, {"tenant": tenant, "path": str(path)})
        return time.perf_counter() - begun
