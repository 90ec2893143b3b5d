"""The ledger of tasks: one line for each, and the trees that `parent_task` makes of them.

A line is of the task's own events, all of them, whenever they happened. Tokens and look-ups are
counts, chips are chip-seconds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Context, Decimal, Inexact
from typing import Any

OPEN = "open"
STATUSES = (OPEN, "succeeded", "failed", "cancelled")


# Wider than any sum of chip-seconds; should one be wider, it is an error and never rounded.
_EXACT = Context(prec=200, traps=[Inexact])


def _plus(one: Any, other: Any) -> Any:
    return _EXACT.add(one, other) if isinstance(one, Decimal) else one + other


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskUse:
    """What a task, or a set of tasks, used. Adding two gives their union."""

    event_count: int = 0
    requests: int = 0
    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_long_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cache_lookups: int = 0
    cache_hits: int = 0
    saved_tokens: int = 0
    chip_seconds_active: Decimal = Decimal(0)
    chip_seconds_idle: Decimal = Decimal(0)
    chip_seconds_cold_start: Decimal = Decimal(0)
    tool_calls: int = 0
    tool_errors: int = 0

    @property
    def prompt_tokens(self) -> int:
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.output_tokens

    @property
    def chip_seconds(self) -> Decimal:
        """Of every phase, as in usage."""
        held = _EXACT.add(self.chip_seconds_active, self.chip_seconds_idle)
        return _EXACT.add(held, self.chip_seconds_cold_start)

    def __add__(self, other: "TaskUse") -> "TaskUse":
        return TaskUse(
            **{f.name: _plus(getattr(self, f.name), getattr(other, f.name)) for f in fields(self)}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLine:
    """A task's line in the ledger.

    `time` is when its outcome happened, of an open task when its last event did. Agent, parent and
    so on are those of its outcome (the last agent.task event by time, source and id); an open task
    has the agent and labels of its last event. `started_at` and `ended_at` are as the outcome
    declares, else its first event or chip and its outcome; nothing ended of an open task.
    `first_time` and `last_time` are those of its events, `hours` the full hours (UTC) with any.
    """

    task: str
    time: datetime
    status: str
    agent: str
    parent_task: str
    session: str
    fingerprint: str
    labels: Mapping[str, str]
    started_at: datetime
    ended_at: datetime | None
    first_time: datetime
    last_time: datetime
    hours: Sequence[datetime]
    models: Sequence[str]
    use: TaskUse

    @property
    def place(self) -> tuple[datetime, str]:
        """Where it stands in the ledger: a total order."""
        return self.time, self.task

    @property
    def wasted(self) -> bool:
        """Whether the task came to nothing."""
        return self.status in {"failed", "cancelled"}


def subtree(root: str, children: Mapping[str, Iterable[str]]) -> list[str]:
    """The tasks below a root, a parent before its children; each once, and never the root.

    A circle of parents (a is the parent of b, and b of a) ends where it closes.
    """
    seen, found, waiting = {root}, [], [root]
    while waiting:
        for child in children.get(waiting.pop(0), ()):
            if child not in seen:
                seen.add(child)
                found.append(child)
                waiting.append(child)
    return found
