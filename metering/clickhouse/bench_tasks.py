"""The yardstick of `bench tasks`: events made in the store, and bare selects of the same pages."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from clickhouse_driver import Client
from django.conf import settings

from metering.clickhouse.embedded.launch import ensure_running
from metering.clickhouse.event_columns import from_micros, micros

# A month of them, and of each: two calls, a tool and the outcome; nine in ten are sub-tasks.
EVENTS_A_TASK = 4
_TASKS_AT_ONCE = 500_000
_MONTH_MICROS = 30 * 86_400 * 1_000_000

_EVENTS = """
INSERT INTO events (tenant, type, time, source, id, identity, content, commit, agent, task, labels,
    status, parent_task, provider, model, modality, attempt, input_tokens, cache_read_tokens,
    output_tokens, tool, units)
SELECT %(tenant)s, ['agent.tokens', 'agent.tokens', 'agent.tool', 'agent.task'][nth + 1],
    fromUnixTimestamp64Micro(%(start)s + t * %(apart)s + nth * 7000000),
    'bench', concat('e', toString(number)), cityHash64(number), 1, 1,
    concat('agent-', toString(t %% 500)), concat('task-', leftPad(toString(t), 9, '0')),
    map('team', concat('team-', toString(t %% 12))),
    ['', '', 'ok', if(t %% 20 = 0, 'failed', 'succeeded')][nth + 1],
    if(nth = 3 AND t %% 10 != 0, concat('task-', leftPad(toString(t - t %% 10), 9, '0')), ''),
    'anthropic', 'claude-sonnet', 'text', 1, t %% 4000, t %% 9000, t %% 700, 'search', 1
FROM (SELECT number, intDiv(number, 4) AS t, number %% 4 AS nth FROM numbers(%(from)s, %(count)s))
"""
_BARE = """
SELECT * FROM rollup_ledger WHERE tenant = %(tenant)s AND place < fromUnixTimestamp64Micro(%(at)s)
ORDER BY place DESC, task DESC LIMIT %(page)s
"""
_NTH = """
SELECT toUnixTimestamp64Micro(place), task FROM rollup_ledger WHERE tenant = %(tenant)s
ORDER BY place DESC, task DESC LIMIT 1 OFFSET %(nth)s
"""


@dataclass(frozen=True, slots=True)
class TaskStore:
    """The store of an installation, as the bare driver sees it."""

    client: Client
    tenant: int

    @classmethod
    def of(cls, folder: Path, tenant: int) -> "TaskStore":
        return cls(Client.from_url(settings.CLICKHOUSE_URL or ensure_running(folder)), tenant)

    def close(self) -> None:
        self.client.disconnect()

    def fill(self, tasks: int, start: datetime, progress: Callable[[int], None]) -> None:
        """Make the events of so many tasks; `progress` hears how many more there are."""
        for first in range(0, tasks, _TASKS_AT_ONCE):
            some = min(_TASKS_AT_ONCE, tasks - first)
            bound = {
                "tenant": self.tenant,
                "start": micros(start),
                "apart": _MONTH_MICROS // tasks,
                "from": first * EVENTS_A_TASK,
                "count": some * EVENTS_A_TASK,
            }
            self.client.execute(_EVENTS, bound, settings={"max_partitions_per_insert_block": 0})
            progress(some)

    def nth(self, number: int) -> tuple[datetime, str]:
        """Where in the ledger the line stands that so many are before."""
        [(at, task)] = self.client.execute(_NTH, {"tenant": self.tenant, "nth": number})
        return from_micros(at), task

    def bare_seconds(self, before: datetime, page: int) -> float:
        """How long a bare select takes for a page of lines that stand before a moment."""
        bound = {"tenant": self.tenant, "at": micros(before), "page": page}
        begun = time.perf_counter()
        self.client.execute(_BARE, bound)
        return time.perf_counter() - begun
