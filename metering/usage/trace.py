"""Whose work a span is: found by its trace, whatever order the spans arrived in.

A pure function of the spans that are known, so running it again gives the same, and knowing more
spans only ever replaces an answer by a better one.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

SOURCE = "otlp"
TASK, TOKENS, TOOL = "agent.task", "agent.tokens", "agent.tool"
# What a further part does not have from the first.
_OF_A_PART = {"modality", "other_prompt_tokens"}


class Staged(NamedTuple):
    """What is kept of a span; without a `type` it only links its children to its parent."""

    trace: str
    span: str
    parent: str
    type: str = ""
    agent: str = ""
    service: str = ""
    session: str = ""
    response: str = ""  # a digest of provider and response id: spans that share it are one call
    told_by: int = 0  # how many attributes told of the call's usage
    body: bytes = b""  # time and data of the event, without whose it is, and its further parts
    received_at: int = 0

    @property
    def id(self) -> str:
        return f"{self.trace}/{self.span}"

    @property
    def parts(self) -> list[dict[str, Any]]:
        """`id`, `time` and `data` of its event, and of those for the call's other modalities."""
        event: dict[str, Any] = msgspec.json.decode(self.body)
        further = event.pop("further", [])
        same = {k: v for k, v in event["data"].items() if k not in _OF_A_PART}
        return [{"id": self.id, **event}] + [
            {"id": f"{self.id}/{part['modality']}", **event, "data": same | part}
            for part in further
        ]

    @property
    def content(self) -> tuple[object, ...]:
        """What makes a resend of the span a conflict when it differs."""
        return self[:-1]

    @property
    def rank(self) -> tuple[int, int, str]:
        """The richest first; of equals the first received, so that a new one changes nothing."""
        return -self.told_by, self.received_at, self.id


class Wanted(NamedTuple):
    """An event that shall stand for a call, tool or task, given the spans that are known."""

    ids: tuple[str, ...]  # of the spans that are the same call, the one that counts first
    body: bytes  # the CloudEvent
    version: int  # how many spans the answer rests on: of two answers the larger knows more
    received_at: int  # when the span that counts was, in µs
    further: tuple[tuple[str, ...], ...] = ()  # for each of the ids, its events of other modalities


class _Agent(NamedTuple):
    agent: str
    task: str
    parent_task: str = ""
    session: str = ""


class Traces:
    """The known spans of some traces, whole ones."""

    def __init__(self, spans: Iterable[Staged]) -> None:
        self._sizes: Counter[str] = Counter()
        self._spans: dict[tuple[str, str], Staged] = {}
        self._agents: dict[str, list[Staged]] = defaultdict(list)
        self._calls: dict[str, list[Staged]] = defaultdict(list)
        for span in sorted(spans, key=lambda span: (span.received_at, span.content)):
            self._sizes[span.trace] += 1
            if (span.trace, span.span) in self._spans:
                continue
            self._spans[span.trace, span.span] = span
            if span.type == TASK:
                self._agents[span.trace].append(span)
            if span.response:
                self._calls[span.response].append(span)
        for calls in self._calls.values():
            calls.sort(key=lambda call: call.rank)

    def wanted(self, traces: Iterable[str]) -> list[Wanted]:
        """The events of these traces; a call that several spans tell of is there once."""
        touched = set(traces)
        events: dict[str, Wanted] = {}
        for span in self._spans.values():
            if span.trace in touched and span.type:
                same = self._calls.get(span.response) or [span]
                if same[0].id not in events:
                    events |= {wanted.ids[0]: wanted for wanted in self._wanted(same)}
        return list(events.values())

    def _wanted(self, same: Sequence[Staged]) -> Iterator[Wanted]:
        """Usage of the richest span, by modality; the agent of the first that has one."""
        found = (self._found(span) for span in same)
        whose = next((one for one in found if one), _Agent(same[0].service, ""))
        version = sum(self._sizes[trace] for trace in {span.trace for span in same})
        first, *others = same[0].parts
        further = tuple(tuple(part["id"] for part in span.parts[1:]) for span in same[1:])
        ids = tuple(span.id for span in same)
        received_at = same[0].received_at
        yield Wanted(ids, _event(same[0], first, whose), version, received_at, ((), *further))
        for part in others:
            yield Wanted((part["id"],), _event(same[0], part, whose), version, received_at)

    def _found(self, span: Staged) -> _Agent | None:
        above = next((s for s in self._ancestors(span) if s.type == TASK), None)
        if span.type == TASK:
            session = next((s.session for s in (span, *self._ancestors(span)) if s.session), "")
            return _Agent(span.agent, span.id, above.id if above else "", session)
        if above:
            return _Agent(above.agent, above.id)
        agents = self._agents[span.trace]
        names = {agent.agent for agent in agents}
        if span.agent or len(names) == 1:
            return _Agent(span.agent or names.pop(), agents[0].id if len(agents) == 1 else "")
        return None

    def _ancestors(self, span: Staged) -> Iterator[Staged]:
        """Known parents, the nearest first; a circle ends where it closes."""
        seen = {span.span}
        while (parent := self._spans.get((span.trace, span.parent))) and parent.span not in seen:
            seen.add(parent.span)
            yield parent
            span = parent


def _event(span: Staged, part: dict[str, Any], whose: _Agent) -> bytes:
    known = {"task": whose.task, "parent_task": whose.parent_task, "session": whose.session}
    named = {name: value for name, value in known.items() if value}
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "source": SOURCE,
            "type": span.type,
            "subject": whose.agent,
            **part,
            "data": part["data"] | named,
        }
    )
