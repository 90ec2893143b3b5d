"""Spans of model calls, tools and agents into what is kept of them, and what is wrong with others.

Nothing but the attributes named in `genai` is read, so no prompt, answer or argument of a tool can
get any further.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from metering.clickhouse.quarantine import UNMETERED
from metering.collectors import genai
from metering.collectors.otlp import Span
from metering.collectors.token_counts import Unusable, usage
from metering.usage.event import InvalidEvent, parse_event
from metering.usage.trace import SOURCE, Staged, Traces

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNKNOWN_SERVICE = "unknown_service"


class RefusedSpan(NamedTuple):
    """A span that cannot be counted: what may be kept of it, and why; unmetered is no fault."""

    id: str
    body: bytes
    detail: str
    call: tuple[str, str] = ("", "")  # trace and response: a richer span may tell of the same

    @property
    def unmetered(self) -> bool:
        return self.detail.startswith(UNMETERED)


def stage(span: Span, now: datetime) -> tuple[Staged | None, RefusedSpan | None]:
    """What to keep of a span, and why it is not counted if it should have been.

    A span that is refused still links its children to its parent.
    """
    try:
        found = _staged(span, now)
    except Unusable as error:
        return _link(span), _refused(span, now, str(error))
    if found.type == genai.TOKENS and not found.told_by:
        refused = _refused(span, now, _why_unmetered(span))
        return _link(span), refused._replace(call=(found.trace, found.response))
    if not span.has_ids:
        wrong = "id: the trace and span ids are not 16 and 8 bytes, not all zero"
        return None, _refused(span, now, wrong) if found.type else None
    if found.type:
        try:
            for wanted in Traces([found]).wanted([found.trace]):
                parse_event(wanted.body, now)
        except InvalidEvent as error:
            return _link(span), _refused(span, now, str(error))
    return found, None


def _why_unmetered(span: Span) -> str:
    why = "it failed" if span.failed else "a stream reports usage only when asked to"
    return f"{UNMETERED} the call reports no usage; {why}"


def _link(span: Span) -> Staged | None:
    return Staged(span.trace, span.span, span.parent) if span.has_ids else None


def _staged(span: Span, now: datetime) -> Staged:
    kind = genai.kind(span.attributes)
    told = usage(span.attributes) if kind == genai.TOKENS else None
    response = genai.text(span.attributes, "response") if kind == genai.TOKENS else ""
    if not kind:
        session = genai.text(span.attributes, "session")
        return Staged(span.trace, span.span, span.parent, session=session)
    return Staged(
        trace=span.trace,
        span=span.span,
        parent=span.parent,
        type=kind,
        agent=_agent(span, kind),
        service=span.resource.get("service", _UNKNOWN_SERVICE),
        session=genai.text(span.attributes, "session"),
        response=_call(genai.provider(span.attributes), response) if response else "",
        told_by=told.told_by if told else 0,
        body=msgspec.json.encode(_body(span, kind, told.parts if told else [], now)),
    )


def _call(provider: str, response: str) -> str:
    """128 bits that two spans of one call share, whatever trace they are in."""
    return hashlib.blake2b(f"{provider}\0{response}".encode(), digest_size=16).hexdigest()


def _agent(span: Span, kind: str) -> str:
    """The agent that the span itself names; an agent's own span may do so by its name alone."""
    named = genai.text(span.attributes, "agent")
    if kind != genai.TASK or named:
        return named
    operation, _, rest = span.name.partition(" ")
    name = rest if operation == "invoke_agent" else span.name
    own = genai.text(span.attributes, "entity") or name[: genai.LONGEST]
    return own or span.resource.get("service", _UNKNOWN_SERVICE)


def _body(span: Span, kind: str, parts: list[dict[str, object]], now: datetime) -> dict[str, Any]:
    """Time and data of the event. It happened when it ended: then its usage is known.

    Of a call with several modalities, under `further`, what differs in the data of the others.
    """
    ended = span.ended or span.started
    time = _time(ended) if ended else now
    labels = {name: text for name, text in span.resource.items() if name != "service"}
    data = _DATA[kind](span) | dict(*parts[:1]) | ({"labels": labels} if labels else {})
    return {"time": time, "data": data} | ({"further": parts[1:]} if parts[1:] else {})


def _tokens(span: Span) -> dict[str, Any]:
    data = {
        "provider": genai.provider(span.attributes),
        "model": _model(span),
        "service_tier": genai.service_tier(span.attributes),
        "duration_ms": _milliseconds(span),
    }
    return {name: value for name, value in data.items() if value not in {"", None}}


def _tool(span: Span) -> dict[str, Any]:
    name = genai.text(span.attributes, "tool") or genai.text(span.attributes, "entity")
    data = {
        "tool": name or span.name.removeprefix("execute_tool ")[: genai.LONGEST],
        "status": "error" if span.failed else "ok",
        "duration_ms": _milliseconds(span),
    }
    return {name: value for name, value in data.items() if value is not None}


def _task(span: Span) -> dict[str, Any]:
    times = {"started_at": span.started, "ended_at": span.ended}
    status = "failed" if span.failed else "succeeded"
    return {"task": span.id, "status": status} | {
        name: _time(moment) for name, moment in times.items() if moment
    }


_DATA = {genai.TOKENS: _tokens, genai.TOOL: _tool, genai.TASK: _task}


def _model(span: Span) -> str:
    """Attributes may leave the model out; the name of a span is `{operation} {model}`."""
    operation = genai.text(span.attributes, "operation")
    named = span.name.removeprefix(f"{operation} ") if operation else span.name
    return genai.text(span.attributes, "model") or (
        named[: genai.LONGEST] if named != span.name else ""
    )


def _milliseconds(span: Span) -> int | None:
    ordered = 0 < span.started <= span.ended
    return (span.ended - span.started) // 1_000_000 if ordered else None


def _time(nanoseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)


def _refused(span: Span, now: datetime, detail: str) -> RefusedSpan:
    """The event without the counts: it can be completed and sent."""
    kind = genai.kind(span.attributes)
    event = {
        "specversion": "1.0",
        "id": span.id if span.has_ids else "",
        "source": SOURCE,
        "type": kind,
        "subject": _agent(span, kind) or span.resource.get("service", _UNKNOWN_SERVICE),
        **_body(span, kind, [], now),
    }
    return RefusedSpan(span.id if span.has_ids else "", msgspec.json.encode(event), detail)
