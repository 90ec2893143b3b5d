"""Public traces of LLM services into events: Mooncake's JSON lines and Azure's CSV.

A request becomes a succeeded `agent.task`, its `agent.tokens` and, for Azure, an `agent.chip`. All
of a request's events bear the time of the request. Formats: kvcache-ai/Mooncake (FAST '25) and
Azure/AzurePublicDataset (ISCA '24).
"""

import csv
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from metering.usage.event import MAX_NUMBER

MOONCAKE, AZURE = "mooncake", "azure-llm"
MOONCAKE_BLOCK_TOKENS = 512
MOONCAKE_START = datetime(2026, 10, 15, 9, tzinfo=UTC)
DEFAULT_MODELS = {MOONCAKE: "kimi-k2", AZURE: "gpt-4-code"}
AGENTS = 50
CHIP = "a100-80gb"

# Length of an Azure request on its chip: a start, then µs for each prompt and each output token,
# about what Splitwise (ISCA '24) measured for a 70B model: 20 ms + 0.1 ms/prompt + 30 ms/output.
CHIP_START_US, CHIP_PROMPT_US, CHIP_OUTPUT_US = 20_000, 100, 30_000


class TraceError(ValueError):
    """A line of a trace that cannot be read; the message says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceRequest:
    """One request. `key` is the digest of its content and of its count among equal ones."""

    time: datetime
    prompt_tokens: int
    output_tokens: int
    blocks: tuple[int, ...]
    agent: str
    key: str
    cached_tokens: int = 0


Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_NUMBER)]


class _MooncakeLine(msgspec.Struct):
    timestamp: Count
    input_length: Count
    output_length: Count
    hash_ids: list[Annotated[int, msgspec.Meta(ge=0)]]


_MOONCAKE_LINE = msgspec.json.Decoder(_MooncakeLine)


def read_mooncake(lines: Iterable[str], start: datetime | None) -> list[TraceRequest]:
    """Requests of a Mooncake trace; its timestamps are milliseconds from `start`."""
    begun = start or MOONCAKE_START
    keys = _Keys(MOONCAKE)
    requests = []
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            line = _MOONCAKE_LINE.decode(text)
        except msgspec.MsgspecError as error:
            raise TraceError(f"line {number}: {error}") from None
        content = (line.timestamp, line.input_length, line.output_length, line.hash_ids)
        requests.append(
            TraceRequest(
                time=_after(begun, timedelta(milliseconds=line.timestamp), number),
                prompt_tokens=line.input_length,
                output_tokens=line.output_length,
                blocks=tuple(line.hash_ids),
                # Requests that begin alike are one conversation, and one agent's.
                agent=_agent(MOONCAKE, str(line.hash_ids[:2])),
                key=keys.key(repr(content)),
            )
        )
    return requests


def read_azure(lines: Iterable[str], start: datetime | None) -> list[TraceRequest]:
    """Requests of an Azure trace, as recorded, or moved so that the earliest is at `start`."""
    rows = csv.DictReader(lines)
    if rows.fieldnames is None or not {*_AZURE_COLUMNS} <= {*rows.fieldnames}:
        raise TraceError(f"line 1: the columns must be {','.join(_AZURE_COLUMNS)}")
    keys = _Keys(AZURE)
    try:
        requests = [_azure_request(rows.line_num, row, keys) for row in rows]
    except csv.Error as error:
        raise TraceError(f"line {rows.line_num + 1}: {error}") from None
    if start is None or not requests:
        return requests
    shift = start - min(request.time for request in requests)
    return [
        replace(request, time=_after(request.time, shift, number))
        for number, request in enumerate(requests, 2)
    ]


_AZURE_COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")


def _azure_request(number: int, row: dict[str, str], keys: "_Keys") -> TraceRequest:
    content = [row[name] for name in _AZURE_COLUMNS]
    try:
        # Seven decimals are recorded; the store keeps microseconds.
        time = datetime.fromisoformat(content[0][:26]).replace(tzinfo=UTC)
        prompt, output = int(content[1]), int(content[2])
    except (ValueError, TypeError):
        raise TraceError(
            f"line {number}: {','.join(map(str, content))!r} is not a time and two counts"
        ) from None
    if not 0 <= min(prompt, output) <= max(prompt, output) <= MAX_NUMBER:
        raise TraceError(f"line {number}: a count of tokens must be from 0 to 2^53")
    key = keys.key(repr(content))
    return TraceRequest(
        time=time,
        prompt_tokens=prompt,
        output_tokens=output,
        blocks=(),
        agent=_agent(AZURE, key),
        key=key,
    )


def _after(start: datetime, length: timedelta, number: int) -> datetime:
    try:
        return start + length
    except OverflowError:
        raise TraceError(f"line {number}: its time is beyond the calendar") from None


class _Keys:
    """Names requests by content and, among equal ones, by count, never by their place in a file."""

    def __init__(self, trace: str) -> None:
        self._trace = trace
        self._seen: Counter[str] = Counter()

    def key(self, content: str) -> str:
        digest = _digest(f"{self._trace}:{content}")
        count = self._seen[digest]
        self._seen[digest] += 1
        return f"{digest}-{count}"


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _agent(trace: str, text: str) -> str:
    """One of AGENTS agents, the same for the same text for ever."""
    return f"{trace}-agent-{int(_digest(text)[:8], 16) % AGENTS:02}"


def assume_all_cached(requests: list[TraceRequest]) -> list[TraceRequest]:
    """As if every prompt block that an earlier request carried had been read from the cache.

    Earlier is by (time, key), the order in which the product looks at the same calls.
    """
    seen: set[int] = set()
    cached = {}
    for request in sorted(requests, key=lambda r: (r.time, r.key)):
        leading = next(
            (n for n, block in enumerate(request.blocks) if block not in seen), len(request.blocks)
        )
        seen.update(request.blocks)
        cached[request.key] = min(leading * MOONCAKE_BLOCK_TOKENS, request.prompt_tokens)
    return [replace(request, cached_tokens=cached[request.key]) for request in requests]


def request_events(request: TraceRequest, trace: str, model: str) -> Iterator[bytes]:
    """The CloudEvents of one request, as JSON."""
    task = f"{trace}-{request.key}"
    yield _event(request, trace, "tokens", _tokens(request, task, model))
    if trace == AZURE:
        yield _event(request, trace, "chip", _chip(request, task))
    yield _event(request, trace, "task", {"task": task, "status": "succeeded"})


def _tokens(request: TraceRequest, task: str, model: str) -> dict[str, object]:
    data: dict[str, object] = {
        "task": task,
        "model": model,
        "input_tokens": request.prompt_tokens - request.cached_tokens,
        "cache_read_tokens": request.cached_tokens,
        "output_tokens": request.output_tokens,
    }
    if request.blocks:
        data |= {"prefix_blocks": request.blocks, "block_tokens": MOONCAKE_BLOCK_TOKENS}
    return data


def _chip(request: TraceRequest, task: str) -> dict[str, object]:
    length = (
        CHIP_START_US
        + CHIP_PROMPT_US * request.prompt_tokens
        + CHIP_OUTPUT_US * request.output_tokens
    )
    return {
        "task": task,
        "chip": CHIP,
        "started_at": request.time,
        "ended_at": request.time + timedelta(microseconds=length),
    }


def _event(request: TraceRequest, trace: str, kind: str, data: dict[str, object]) -> bytes:
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "id": f"{request.key}-{kind}",
            "source": f"trace/{trace}",
            "type": f"agent.{kind}",
            "subject": request.agent,
            "time": request.time,
            "data": data,
        }
    )


READERS: dict[str, Callable[[Iterable[str], datetime | None], list[TraceRequest]]] = {
    MOONCAKE: read_mooncake,
    AZURE: read_azure,
}
