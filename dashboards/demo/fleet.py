"""Invents the events of agent fleets: deterministic, so the same day always has the same events.

Only the invention is ours: what it makes goes through the ingestion path like anyone's events.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

import msgspec

BLOCK_TOKENS = 512
Event = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """One agent's habits. Rates and shares are probabilities, tokens are per call."""

    name: str
    provider: str
    model: str
    tasks: int  # on a working day, of all instances together
    calls: int  # of the model, for each task
    system_blocks: int
    turn_blocks: int = 3
    output_tokens: int = 400
    hit: float = 0.9  # of reusable context read from the cache
    failure: float = 0.04
    retry: float = 0.03
    tool: str = ""
    chip: str = ""
    chip_seconds: int = 6
    parent: str = ""  # another agent whose tasks these are parts of
    weekend: float = 0.3
    team: str = "platform"
    instances: int = 1
    cold_days: tuple[int, ...] = ()  # days of the month on which a new prompt finds no cache

    def each(self) -> Iterator["Agent"]:
        """Its instances, each with its share of the tasks."""
        if self.instances == 1:
            yield self
            return
        for number in range(self.instances):
            share = self.tasks // self.instances + (number < self.tasks % self.instances)
            yield replace(self, name=f"{self.name}-{number + 1:02}", tasks=share)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """A tenant's agents, and the days of the month on which a burst of chips happens."""

    tenant: str
    timezone: str
    agents: tuple[Agent, ...]
    bursts: dict[int, tuple[str, int, int]] = field(default_factory=dict)  # chip, chips, minutes

    def events(self, first: date, until: datetime) -> Iterator[bytes]:
        """CloudEvents of every local day from `first` on, up to the moment `until`."""
        day = first
        while day <= until.astimezone(ZoneInfo(self.timezone)).date():
            for event in self._day(day):
                if datetime.fromisoformat(str(event["time"])) < until:
                    yield msgspec.json.encode(event)
            day += timedelta(days=1)

    def _day(self, day: date) -> Iterator[Event]:
        for agent in self.agents:
            for one in agent.each():
                yield from _AgentDay(self, one, day).events()
        if day.day in self.bursts:
            yield from self._burst(day, *self.bursts[day.day])

    def _burst(self, day: date, chip: str, chips: int, minutes: int) -> Iterator[Event]:
        """Many chips at once: all have come after an eighth of the time, and go in the last."""
        agent = next(one.name for habit in self.agents for one in habit.each() if one.chip == chip)
        random = Random(f"{self.tenant}/{day}/burst")  # noqa: S311 - invented data
        start = datetime.combine(day, time(13, 10), ZoneInfo(self.timezone)).astimezone(UTC)
        for number in range(chips):
            begun = start + timedelta(minutes=minutes) * random.randrange(125) / 1000
            ended = start + timedelta(minutes=minutes) * random.randrange(875, 1000) / 1000
            data: Event = {"chip": chip, "started_at": _iso(begun), "ended_at": _iso(ended)}
            yield _event("agent.chip", f"{day}-burst-{number}", begun, agent, data)


class _AgentDay:
    """What one agent does on one day."""

    def __init__(self, fleet: Fleet, agent: Agent, day: date) -> None:
        self.agent, self.day = agent, day
        self.zone = ZoneInfo(fleet.timezone)
        self.random = Random(f"{fleet.tenant}/{agent.name}/{day}")  # noqa: S311 - invented data
        # A new system prompt is new context.
        version = sum(day.day >= cold for cold in agent.cold_days[:1])
        self.system = [_block(agent.name, version, n) for n in range(agent.system_blocks)]

    def events(self) -> Iterator[Event]:
        for number in range(self._tasks()):
            yield from self._task(f"{self.agent.name}-{self.day}-{number}", number)

    def _tasks(self) -> int:
        share = self.agent.weekend if self.day.weekday() >= 5 else 1.0
        # A fraction of a task is a chance of one, so that not every instance works every day.
        return int(self.agent.tasks * share * self.random.uniform(0.7, 1.3) + self.random.random())

    def _begin(self) -> datetime:
        hour = min(23.9, max(0.0, self.random.gauss(13.5, 3.2)))
        local = datetime.combine(self.day, time(), self.zone) + timedelta(hours=hour)
        return local.astimezone(UTC)

    def _task(self, task: str, number: int) -> Iterator[Event]:
        begun = now = self._begin()
        calls = max(1, round(self.random.gauss(self.agent.calls, 1)))
        for turn in range(calls):
            now += timedelta(seconds=self.random.uniform(2, 20))
            retried = self.random.random() < self.agent.retry
            yield self._call(task, turn, now, attempt=1)
            if retried:
                now += timedelta(seconds=3)
                yield self._call(task, turn, now, attempt=2)
            if self.agent.chip:
                yield self._chip(task, turn, now)
            if self.agent.tool and self.random.random() < 0.6:
                data = {"task": task, "tool": self.agent.tool, "duration_ms": 240}
                yield _event("agent.tool", f"{task}-tool-{turn}", now, self.agent.name, data)
        yield self._end(task, number, begun, now)

    def _call(self, task: str, turn: int, at: datetime, attempt: int) -> Event:
        agent = self.agent
        said = [_block(task, n) for n in range((turn + 1) * agent.turn_blocks)]
        blocks = self.system + said[: turn * agent.turn_blocks]
        fresh = BLOCK_TOKENS * agent.turn_blocks + self.random.randrange(200)
        cold = self.day.day in agent.cold_days
        cached = 0 if cold or self.random.random() > agent.hit else len(blocks) * BLOCK_TOKENS
        written = BLOCK_TOKENS * agent.turn_blocks if agent.provider == "anthropic" else 0
        data = {
            "task": task,
            "provider": agent.provider,
            "model": agent.model,
            "input_tokens": len(blocks) * BLOCK_TOKENS - cached + fresh - written,
            "cache_read_tokens": cached,
            "cache_write_tokens": written,
            "output_tokens": round(agent.output_tokens * self.random.uniform(0.5, 1.6)),
            "attempt": attempt,
            "prefix_blocks": self.system + said,
            "block_tokens": BLOCK_TOKENS,
            "duration_ms": self.random.randrange(600, 9000),
            "labels": {"team": agent.team},
        }
        return _event("agent.tokens", f"{task}-{turn}-{attempt}", at, agent.name, data)

    def _chip(self, task: str, turn: int, at: datetime) -> Event:
        length = timedelta(
            milliseconds=round(self.agent.chip_seconds * 1000 * self.random.uniform(0.4, 1.8))
        )
        cold = turn == 0 and self.random.random() < 0.1
        data: Event = {
            "task": task,
            "chip": self.agent.chip,
            "started_at": _iso(at),
            "ended_at": _iso(at + length),
            "phase": "cold_start" if cold else "active",
        }
        return _event("agent.chip", f"{task}-chip-{turn}", at, self.agent.name, data)

    def _end(self, task: str, number: int, begun: datetime, ended: datetime) -> Event:
        failed = self.random.random() < self.agent.failure
        data: Event = {
            "task": task,
            "status": "failed" if failed else "succeeded",
            "started_at": _iso(begun),
            "ended_at": _iso(ended),
            "labels": {"team": self.agent.team},
        }
        if self.agent.parent:
            data["parent_task"] = f"{self.agent.parent}-{self.day}-{number}"
        return _event("agent.task", f"{task}-end", ended, self.agent.name, data)


def _event(kind: str, event_id: str, at: datetime, agent: str, data: Event) -> Event:
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": "demo",
        "type": kind,
        "subject": agent,
        "time": _iso(at),
        "data": data,
    }


def _block(*parts: object) -> int:
    """A hash of a prompt's block, as an inference server would give."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big")


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
