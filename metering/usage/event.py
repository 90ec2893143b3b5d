"""The event types, what makes one valid, and how an error names its field.

An event is a CloudEvent 1.0 whose `data` is one of the structs below. Quantities are integers of
tokens, milliseconds or items; decimals are exact. Format: https://github.com/cloudevents/spec.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from metering.usage.json_faults import field_first, not_a_number

# What a double still counts exactly: a number above it has been damaged on its way here.
MAX_NUMBER = 2**53
MAX_FUTURE = timedelta(hours=1)
# Hours and days are counted from the epoch.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
DECIMAL_PLACES = 18
CUSTOM = "custom."

Number = Annotated[int, Meta(ge=0, le=MAX_NUMBER)]
Name = Annotated[str, Meta(min_length=1, max_length=512)]
Text = Annotated[str, Meta(max_length=512)]
Labels = Annotated[
    dict[Annotated[str, Meta(min_length=1, max_length=128)], Text], Meta(max_length=64)
]
# A prompt of 1.6 million tokens in the smallest blocks in use, those of 16.
PrefixBlocks = Annotated[
    list[int | Annotated[str, Meta(min_length=1, max_length=128)]], Meta(max_length=100_000)
]


class InvalidEvent(ValueError):
    """An event that cannot be accepted; the message begins with the field at fault."""


# None of these can be part of a cycle, and tracking thousands a request is most of what the garbage
# collector would do (gc=False).
class _Data(
    Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True, frozen=True, gc=False
):
    task: Text = ""
    labels: Labels = {}

    def check(self, latest: datetime) -> None:
        """Raise InvalidEvent for what spans several fields, or is later than `latest`."""


class Task(_Data, frozen=True, kw_only=True, gc=False):
    """`agent.task`: how a task ended."""

    task: Name
    status: Literal["succeeded", "failed", "cancelled"]
    started_at: datetime | None = None
    ended_at: datetime | None = None
    parent_task: Text = ""
    session: Text = ""
    fingerprint: Text = ""

    def check(self, latest: datetime) -> None:
        for field in ("started_at", "ended_at"):
            check_time(f"data.{field}", getattr(self, field), latest)
        if self.started_at and self.ended_at:
            check_order(self.started_at, self.ended_at)
        if self.parent_task == self.task:
            raise InvalidEvent("data.parent_task: a task cannot be its own parent")


class Tokens(_Data, frozen=True, kw_only=True, gc=False):
    """`agent.tokens`: one model call, in disjoint token classes; of several modalities one of each.

    The `part` 1 is the request; `other_prompt_tokens` are those of the prompt in the other parts.
    """

    provider: Text = ""
    model: Name
    input_tokens: Number = 0
    cache_read_tokens: Number = 0
    cache_write_tokens: Number = 0
    cache_write_long_tokens: Number = 0
    output_tokens: Number = 0
    reasoning_tokens: Number = 0
    modality: Name = "text"
    part: Annotated[int, Meta(ge=1, le=2**31)] = 1
    other_prompt_tokens: Number = 0
    service_tier: Text = ""
    attempt: Annotated[int, Meta(ge=1, le=2**31)] = 1
    prefix_blocks: PrefixBlocks = []
    block_tokens: Number = 0
    duration_ms: Number | None = None

    def check(self, latest: datetime) -> None:
        if self.cache_write_long_tokens > self.cache_write_tokens:
            raise _part_exceeds("cache_write_long_tokens", "cache_write_tokens")
        if self.reasoning_tokens > self.output_tokens:
            raise _part_exceeds("reasoning_tokens", "output_tokens")
        if self.prefix_blocks and not self.block_tokens:
            raise InvalidEvent("data.block_tokens: is required beside prefix_blocks")


class Cache(_Data, frozen=True, kw_only=True, gc=False):
    """`agent.cache`: a look-up in a cache above the model."""

    cache: Name
    hit: bool
    saved_tokens: Number = 0
    model: Text = ""


class Chip(_Data, frozen=True, kw_only=True, gc=False):
    """`agent.chip`: `count` chips held from `started_at` to `ended_at`."""

    chip: Name
    count: Decimal = Decimal(1)
    started_at: datetime
    ended_at: datetime
    phase: Literal["active", "idle", "cold_start"] = "active"
    region: Text = ""

    def check(self, latest: datetime) -> None:
        check_decimal("count", self.count)
        for field in ("started_at", "ended_at"):
            check_time(f"data.{field}", getattr(self, field), latest)
        check_order(self.started_at, self.ended_at)


class Tool(_Data, frozen=True, kw_only=True, gc=False):
    """`agent.tool`: one tool call."""

    tool: Name
    status: Literal["ok", "error"] = "ok"
    duration_ms: Number | None = None
    units: Decimal = Decimal(1)

    def check(self, latest: datetime) -> None:
        check_decimal("units", self.units)


class Custom(_Data, frozen=True, kw_only=True, gc=False):
    """`custom.*`: anything else that is billed."""

    value: Decimal

    def check(self, latest: datetime) -> None:
        check_decimal("value", self.value)


_T = TypeVar("_T")
Data = Task | Tokens | Cache | Chip | Tool | Custom

DATA_TYPES: dict[str, type[Data]] = {
    "agent.task": Task,
    "agent.tokens": Tokens,
    "agent.cache": Cache,
    "agent.chip": Chip,
    "agent.tool": Tool,
}


class Event(Struct, frozen=True, kw_only=True, gc=False):
    """A valid event. `time` is UTC; `agent` is the CloudEvent's subject."""

    source: str
    id: str
    type: str
    agent: str
    time: datetime
    data: Data
    time_given: bool = True

    @property
    def identity(self) -> int:
        """64 bits of (source, id): where to look, never proof of equality."""
        return identity_of(self.source, self.id)

    @property
    def content(self) -> int:
        """64 bits of everything else, to tell a resend from a conflict."""
        time = self.time if self.time_given else ""
        return digest(_CANONICAL.encode((self.type, self.agent, time, self.data)))


class _Envelope(Struct, kw_only=True):
    id: Name
    source: Name
    specversion: Literal["1.0"]
    type: Name
    subject: Text | None = None
    time: datetime | None = None
    datacontenttype: str | None = None
    data: msgspec.Raw = msgspec.Raw()


_CANONICAL = msgspec.json.Encoder(order="deterministic", decimal_format="string")
_ENVELOPE = msgspec.json.Decoder(_Envelope)
_DATA: dict[str, msgspec.json.Decoder[Data]] = {
    name: msgspec.json.Decoder(kind) for name, kind in DATA_TYPES.items()
}
_CUSTOM: msgspec.json.Decoder[Data] = msgspec.json.Decoder(Custom)


def parse_event(raw: bytes | msgspec.Raw, now: datetime) -> Event:
    """A CloudEvent in JSON as an Event; `now` stands in for an absent time.

    Raises InvalidEvent, whose message begins with the path of the field at fault.
    """
    envelope = _decode(_ENVELOPE, raw, "")
    latest = now + MAX_FUTURE
    if not envelope.subject and not envelope.type.startswith(CUSTOM):
        raise InvalidEvent("subject: is required and names the agent")
    check_time("time", envelope.time, latest)
    return Event(
        source=envelope.source,
        id=envelope.id,
        type=envelope.type,
        agent=envelope.subject or "",
        time=now if envelope.time is None else envelope.time.astimezone(UTC),
        time_given=envelope.time is not None,
        data=_parse_data(envelope, latest),
    )


def _parse_data(envelope: _Envelope, latest: datetime) -> Data:
    decoder = _DATA.get(envelope.type) or (
        _CUSTOM if envelope.type.startswith(CUSTOM) and envelope.type != CUSTOM else None
    )
    if decoder is None:
        known = ", ".join([*DATA_TYPES, "custom.*"])
        raise InvalidEvent(f"type: {envelope.type!r} is not one of {known}")
    if bytes(envelope.data) in {b"", b"null"}:
        raise InvalidEvent("data: is required, as a JSON object (data_base64 is not taken)")
    data = _decode(decoder, envelope.data, "data")
    data.check(latest)
    return data


def check_time(path: str, time: datetime | None, latest: datetime) -> None:
    """Refuse a time without a zone, before what the store can hold, or that has not come yet.

    `latest` is MAX_FUTURE ahead of the clock: clocks may differ.
    """
    if time is None:
        return
    if time.tzinfo is None:
        raise InvalidEvent(f"{path}: needs a time zone, such as a Z at the end")
    if time < EARLIEST:
        raise InvalidEvent(f"{path}: is before {EARLIEST.date()}")
    if time > latest:
        raise InvalidEvent(f"{path}: {time.isoformat()} is more than an hour ahead of the clock")


def _part_exceeds(part: str, whole: str) -> InvalidEvent:
    return InvalidEvent(f"data.{part}: is part of {whole} and cannot exceed it")


def check_order(started_at: datetime, ended_at: datetime) -> None:
    """Refuse what ends before it starts."""
    if ended_at < started_at:
        raise InvalidEvent("data.ended_at: is before started_at")


def check_decimal(field: str, value: Decimal) -> None:
    """Refuse a decimal the store could not hold exactly."""
    if not value.is_finite() or value < 0 or value > MAX_NUMBER:
        raise InvalidEvent(f"data.{field}: must be a number from 0 to 2^53, not {value}")
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > DECIMAL_PLACES:
        raise InvalidEvent(f"data.{field}: has more than {DECIMAL_PLACES} decimal places")


def _decode(decoder: "msgspec.json.Decoder[_T]", raw: bytes | msgspec.Raw, root: str) -> _T:
    try:
        return decoder.decode(raw)
    except (msgspec.ValidationError, UnicodeDecodeError) as error:
        raise InvalidEvent(field_first(str(error), root)) from None
    except msgspec.DecodeError as error:
        if field := not_a_number(bytes(raw)):
            raise InvalidEvent(f"{field}: must be a number, not NaN or Infinity") from None
        raise InvalidEvent(f"{root or 'event'}: {error}") from None
    except RecursionError:
        raise InvalidEvent(f"{root or 'event'}: is nested too deeply") from None


def identity_of(source: str, id_: str) -> int:
    """The identity of an event by its attributes."""
    return digest(f"{source}\0{id_}".encode())


def digest(text: bytes) -> int:
    """64 bits of BLAKE2b."""
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")
