"""The ledger computed the slow and obvious way, from a list of CloudEvents in Python."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from metering.usage.ledger import TaskLine, TaskUse
from tests.metering.oracle import Event, chip_seconds, moment, outcomes, place

_TOKENS = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_long_tokens",
    "output_tokens",
    "reasoning_tokens",
)


def lines(received: Iterable[Event]) -> dict[str, TaskLine]:
    """The line of each task; of events with one identity the first received counts."""
    counted: dict[tuple[str, str], Event] = {}
    for event in received:
        counted.setdefault((event["source"], event["id"]), event)
    ended = outcomes(counted.values())
    by_task: dict[str, list[Event]] = defaultdict(list)
    for event in sorted(counted.values(), key=place):
        if event["data"].get("task"):
            by_task[event["data"]["task"]].append(event)
    return {task: _line(task, events, ended.get(task)) for task, events in by_task.items()}


def _line(task: str, events: list[Event], outcome: Event | None) -> TaskLine:
    """`events` are in order."""
    times = [moment(event["time"]) for event in events]
    speaks = outcome or [e for e in events if e.get("subject")][-1]
    said: dict[str, Any] = outcome["data"] if outcome else {}
    at = moment(speaks["time"]) if outcome else times[-1]
    begun = times + [moment(e["data"]["started_at"]) for e in events if e["type"] == "agent.chip"]
    return TaskLine(
        task=task,
        time=at,
        status=said.get("status", "open"),
        agent=speaks["subject"],
        parent_task=said.get("parent_task", ""),
        session=said.get("session", ""),
        fingerprint=said.get("fingerprint", ""),
        labels=speaks["data"].get("labels", {}),
        started_at=_moment(said.get("started_at")) or min(begun),
        ended_at=(_moment(said.get("ended_at")) or at) if outcome else None,
        first_time=times[0],
        last_time=times[-1],
        hours=sorted({_hour(time) for time in times}),
        models=sorted({e["data"]["model"] for e in events if e["type"] == "agent.tokens"}),
        use=sum(map(_use, events), start=TaskUse()),
    )


def _moment(text: str | None) -> datetime | None:
    return moment(text) if text else None


def _hour(time: datetime) -> datetime:
    gone = timedelta(minutes=time.minute, seconds=time.second, microseconds=time.microsecond)
    return time - gone


def _use(event: Event) -> TaskUse:
    data, one = event["data"], TaskUse(event_count=1)
    match event["type"]:
        case "agent.tokens":
            tokens = {name: data.get(name, 0) for name in _TOKENS}
            return one + TaskUse(requests=int(data.get("part", 1) == 1), **tokens)
        case "agent.cache":
            saved = data.get("saved_tokens", 0) if data["hit"] else 0
            return one + TaskUse(cache_lookups=1, cache_hits=int(data["hit"]), saved_tokens=saved)
        case "agent.chip":
            return one + _held(data.get("phase", "active"), chip_seconds(event))
        case "agent.tool":
            return one + TaskUse(tool_calls=1, tool_errors=int(data.get("status") == "error"))
    return one


def _held(phase: str, chips: Decimal) -> TaskUse:
    match phase:
        case "idle":
            return TaskUse(chip_seconds_idle=chips)
        case "cold_start":
            return TaskUse(chip_seconds_cold_start=chips)
    return TaskUse(chip_seconds_active=chips)


def below(task: str, found: dict[str, TaskLine]) -> set[str]:
    """The tasks from which one gets to `task` by going from parent to parent, circles and all."""
    return {other for other in found if other != task and task in _above(other, found)}


def _above(task: str, found: dict[str, TaskLine]) -> set[str]:
    above: set[str] = set()
    while task in found and (parent := found[task].parent_task) and parent not in above:
        above.add(parent)
        task = parent
    return above
