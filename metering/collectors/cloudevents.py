"""CloudEvents over HTTP: structured, batch, binary, a JSON array and NDJSON, into raw events.

Format: CloudEvents 1.0, HTTP and JSON bindings, https://github.com/cloudevents/spec.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import overload
from urllib.parse import unquote

import msgspec

from metering.collectors.bounds import MOST_EVENTS, TooManyEvents, check_array, check_lines

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
JSON = "application/json"
NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl")

_LIST = msgspec.json.Decoder(list[msgspec.Raw])
# Unlike the standard it takes NaN; numbers stay text, for only their end is asked for.
_LENIENT = json.JSONDecoder(parse_int=str, parse_float=str)


class UnreadableBody(ValueError):
    """A body in which no event can be told from the next."""


class UnknownContentType(ValueError):
    """A body of a kind that is not taken."""


@dataclass(slots=True)
class Batch(Sequence[bytes]):
    """The JSON text of each event of an array or of lines, split only when one is asked for.

    Nearly always nobody does, for all of them are valid and decoded in one go. Splitting raises
    UnreadableBody.
    """

    text: bytes
    lines: bool
    _parts: list[bytes] | None = None

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[bytes]: ...
    def __getitem__(self, place: int | slice) -> bytes | Sequence[bytes]:
        return self._split()[place]

    def __len__(self) -> int:
        return len(self._split())

    def check(self) -> None:
        """Raise TooManyEvents or NotObjects for what should not be split."""
        if self.lines:
            check_lines(self.text)
        else:
            check_array(self.text)

    def _split(self) -> list[bytes]:
        if self._parts is None:
            self._parts = _lines(self.text) if self.lines else _elements(self.text)
        return self._parts


def split_body(content_type: str, headers: Mapping[str, str], body: bytes) -> Sequence[bytes]:
    """The JSON text of each event in a request.

    `headers` are read in binary mode only. Raises UnreadableBody or UnknownContentType.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if "ce-specversion" in {name.lower() for name in headers}:
        return [_binary_event(kind, headers, body)]
    if kind in NDJSON:
        return Batch(body, lines=True)
    if kind not in {STRUCTURED, BATCH, JSON}:
        raise UnknownContentType(
            f"Content-Type {kind or '(none)'} is not one of {STRUCTURED}, {BATCH}, {JSON},"
            f" {NDJSON[0]}, nor are there ce- headers"
        )
    return _json_events(kind, body)


def _lines(text: bytes) -> list[bytes]:
    return [line for line in text.splitlines() if line.strip()]


def _json_events(kind: str, body: bytes) -> Sequence[bytes]:
    text = body.strip()
    if kind == BATCH and not text.startswith(b"["):
        raise UnreadableBody(f"a body of {BATCH} must be a JSON array")
    if kind == STRUCTURED and not text.startswith(b"{"):
        raise UnreadableBody(f"a body of {STRUCTURED} must be a JSON object")
    if not text.startswith(b"["):
        return [_single(text)]
    return Batch(text, lines=False)


def _elements(text: bytes) -> list[bytes]:
    try:
        return [bytes(raw) for raw in _LIST.decode(text)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return list(_lenient_events(text, error))


def _single(text: bytes) -> bytes:
    """The body itself; what is wrong inside an object is the event's fault, not the request's."""
    if not (text.startswith(b"{") and text.endswith(b"}")):
        raise UnreadableBody("the body is not a JSON object or array")
    return text


def _lenient_events(body: bytes, error: Exception) -> Iterator[bytes]:
    """NaN is no JSON but is sent: refuse the events that hold it, not the others."""
    try:
        text = body.decode()
        place, end, found = 1, "", 0
        while end != "]":
            found += 1
            if found > MOST_EVENTS:
                raise TooManyEvents(f"there are more than {MOST_EVENTS} events and one is no JSON")
            start = _after_space(text, place)
            place = _LENIENT.raw_decode(text, start)[1]
            yield text[start:place].encode()
            place = _after_space(text, place)
            end, place = text[place], place + 1
            if end not in ",]":
                raise UnreadableBody(f"the body is not JSON: {error}")
        if place != len(text):
            raise UnreadableBody(f"the body is not JSON: {error}")
    except TooManyEvents:
        raise
    except (ValueError, IndexError, RecursionError):
        raise UnreadableBody(f"the body is not JSON: {error}") from None


def _after_space(text: str, place: int) -> int:
    while text[place] in " \t\r\n":
        place += 1
    return place


def _binary_event(kind: str, headers: Mapping[str, str], body: bytes) -> bytes:
    if kind and kind != JSON and not kind.endswith("+json"):
        raise UnknownContentType(f"data of an event must be JSON, not {kind}")
    event: dict[str, object] = {
        name.lower().removeprefix("ce-"): unquote(value)
        for name, value in headers.items()
        if name.lower().startswith("ce-")
    }
    if body.strip():
        event["data"] = msgspec.Raw(body)
    return msgspec.json.encode(event)
