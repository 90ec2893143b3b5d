"""The events of `bench close`, made in the store: a month of calls, tools, chips and tasks."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from clickhouse_driver import Client

from metering.clickhouse.embedded.launch import ensure_running, stop
from metering.clickhouse.event_columns import micros

_EVENTS_AT_ONCE = 1_000_000
_MONTH_MICROS = 30 * 86_400 * 1_000_000
# Of ten events seven are calls; then a tool, a chip and the task's outcome.
_EVENTS = """
INSERT INTO events (tenant, type, time, source, id, identity, content, commit, agent, task, status,
    started_at, ended_at, provider, model, modality, attempt, input_tokens, cache_read_tokens,
    cache_write_tokens, output_tokens, reasoning_tokens, tool, units, chip, phase, count)
SELECT %(tenants)s[number %% %(many)s + 1], kind, at, 'bench', concat('e', toString(number)),
    cityHash64(number), 1, 1, concat('agent-', toString(t %% 20)), concat('t', toString(t)),
    multiIf(kind = 'agent.task', if(t %% 20 = 0, 'failed', 'succeeded'),
        kind = 'agent.tool', 'ok', ''),
    if(kind = 'agent.chip', at, NULL), if(kind = 'agent.chip', at + INTERVAL 3 SECOND, NULL),
    if(kind = 'agent.tokens', 'anthropic', ''),
    if(kind = 'agent.tokens', concat('model-', toString(n %% %(models)s)), ''), 'text', 1,
    number %% 4000, number %% 9000, number %% 50, number %% 700, number %% 300,
    if(kind = 'agent.tool', 'search', ''), 1, if(kind = 'agent.chip', 'p800', ''),
    if(kind = 'agent.chip', 'active', ''), 1
FROM (
    SELECT number, intDiv(number, %(many)s) AS n, intDiv(n, 10) AS t,
        ['agent.tool', 'agent.chip', 'agent.task'][greatest(n %% 10 - 6, 0)] AS other,
        if(other = '', 'agent.tokens', other) AS kind,
        fromUnixTimestamp64Micro(%(start)s + number * %(apart)s) AS at
    FROM numbers(%(from)s, %(count)s)
)
"""


class ClosingStore:
    """The event store of an installation under measurement."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._client = Client.from_url(ensure_running(folder))

    def fill(
        self,
        tenants: Sequence[int],
        events: int,
        start: datetime,
        models: int,
        progress: Callable[[int], None],
    ) -> None:
        """Make so many events, in turns of one for each tenant, evenly over 30 days."""
        for first in range(0, events, _EVENTS_AT_ONCE):
            some = min(_EVENTS_AT_ONCE, events - first)
            bound = {
                "tenants": list(tenants),
                "many": len(tenants),
                "models": models,
                "start": micros(start),
                "apart": _MONTH_MICROS // events,
                "from": first,
                "count": some,
            }
            self._client.execute(_EVENTS, bound, settings={"max_partitions_per_insert_block": 0})
            progress(some)

    def close(self) -> None:
        """Let go of it, and end its server."""
        self._client.disconnect()
        stop(self._folder)
