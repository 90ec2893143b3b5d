"""Lago's events into events of ours. Format: getlago/lago-openapi, `POST /api/v1/events`.

Identity there is (subscription, transaction id), so the source is `lago/SUBSCRIPTION` and the id
the transaction's. The agent is the property `agent_id`, else the subscription. A code `agent.*`
names a type of ours, and the properties are its data. Any other code is measured: `custom.CODE`
with the property `value`, or 1 without one, and for each further number among the properties (and
for `precise_total_amount_cents`) `custom.CODE.PROPERTY`, for Lago bills by any property. Texts are
labels; nested properties, and texts too long for a label, are left out.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from urllib.parse import quote

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from metering.collectors.bounds import NotObjects, check_batch
from metering.usage.json_faults import field_first

MOST_EVENTS = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_SECONDS = 10**12
_MOST_LABEL_TEXT = 512
# Numbers sent as text, to keep their digits. With more digits it is an identifier.
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,18})?")
_DIGITS = {b"-", *(b"%d" % digit for digit in range(10))}
_NULL = Raw(b"null")
_NATIVE = "agent."
_AGENT, _VALUE, _AMOUNT = "agent_id", "value", "precise_total_amount_cents"
# What an event of ours calls what a client of Lago knows by another name.
_LAGO_NAMES = {
    "id": "transaction_id",
    "source": "external_subscription_id",
    "subject": "external_subscription_id",
    "type": "code",
    "time": "timestamp",
    "data": "properties",
}


class LagoError(ValueError):
    """An event that cannot be read; the message begins with Lago's name of the field."""


class LagoEvent(Struct, kw_only=True):
    """One event as Lago's clients send it: what is read of it."""

    transaction_id: str = ""
    external_subscription_id: str = ""
    code: str = ""
    timestamp: Raw = _NULL
    precise_total_amount_cents: Raw = _NULL
    properties: dict[str, Raw] | None = None

    @property
    def source(self) -> str:
        """The source of the events made of it; empty without a subscription."""
        subscription = quote(self.external_subscription_id, safe="")
        return f"lago/{subscription}" if subscription else ""

    @property
    def time(self) -> datetime | None:
        """When it happened, where the client says so. Raises LagoError."""
        text = bytes(self.timestamp).strip(b'"').decode(errors="replace")
        if text in {"null", ""}:
            return None
        try:
            seconds = Decimal(text)
            if abs(seconds) > _MOST_SECONDS:
                raise ValueError
            # Finer than the store keeps is cut off, never rounded into the next day.
            return _EPOCH + timedelta(microseconds=int(seconds.scaleb(6)))
        except (ArithmeticError, ValueError):
            raise LagoError(f"timestamp: {text[:40]!r} is not a time in seconds") from None

    @property
    def amount(self) -> str | None:
        """The amount in cents as text, where there is one."""
        text = bytes(self.precise_total_amount_cents).strip(b'"').decode(errors="replace")
        return None if text == "null" else text


class _Single(Struct):
    event: Raw | UnsetType = UNSET
    specversion: Raw | UnsetType = UNSET


class _Batch(Struct):
    events: list[Raw] = []


_SINGLE = msgspec.json.Decoder(_Single)
_BATCH = msgspec.json.Decoder(_Batch)
_EVENT = msgspec.json.Decoder(LagoEvent)


def single(body: bytes) -> bytes | None:
    """The event in a body `{"event": {...}}`; None for any other body."""
    try:
        found = _SINGLE.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    event = found.event
    return bytes(event) if isinstance(event, Raw) and found.specversion is UNSET else None


def batch(body: bytes) -> list[bytes]:
    """The events in a body `{"events": [...]}`. Raises LagoError for any other body.

    TooManyEvents is for so many that they should not be taken apart.
    """
    try:
        check_batch(body)
        return [bytes(raw) for raw in _BATCH.decode(body).events]
    except (NotObjects, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LagoError(f"the body is not a batch of events: {error}") from None


def read_event(raw: bytes) -> LagoEvent:
    """One event. Raises LagoError."""
    try:
        return _EVENT.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LagoError(field_first(str(error), "")) from None
    except RecursionError:
        raise LagoError("properties: are nested too deeply") from None


def cloudevents(event: LagoEvent) -> list[bytes]:
    """The event as CloudEvents in JSON: itself first, then its measures. Raises LagoError."""
    properties = {**(event.properties or {})}
    agent = _text(properties.pop(_AGENT, _NULL)) or event.external_subscription_id
    if event.code.startswith(_NATIVE):
        return [_cloudevent(event, agent, event.code, "", properties)]
    kind = event.code if event.code.startswith("custom.") else f"custom.{event.code}"
    value = properties.pop(_VALUE, _NULL)
    labels = {name: text for name, text in _texts(properties) if text}
    count = Raw(b"1") if bytes(value) == b"null" else value
    return [
        _cloudevent(event, agent, kind, "", {"value": count, "labels": labels}),
        *(
            _cloudevent(event, agent, f"{kind}.{name}", name, {"value": number, "labels": labels})
            for name, number in _numbers(properties | {_AMOUNT: event.precise_total_amount_cents})
        ),
    ]


def _texts(properties: dict[str, Raw]) -> Iterator[tuple[str, str]]:
    for name, raw in properties.items():
        text = _text(raw)
        if len(text) <= _MOST_LABEL_TEXT:
            yield name, text


def _numbers(properties: dict[str, Raw]) -> Iterator[tuple[str, Decimal]]:
    for name, raw in properties.items():
        number = _number(raw)
        if number is not None:
            yield name, number


def _cloudevent(event: LagoEvent, agent: str, kind: str, part: str, data: object) -> bytes:
    attributes = {
        "specversion": "1.0",
        "id": event.transaction_id,
        "source": "/".join(filter(None, (event.source, quote(part, safe="")))),
        "type": kind,
        "subject": agent,
        "data": data,
    }
    if event.time is not None:
        attributes["time"] = event.time
    return msgspec.json.encode(attributes)


def _text(raw: Raw) -> str:
    """A string or truth value as a label; empty for everything else."""
    text = bytes(raw)
    if text in {b"true", b"false"}:
        return text.decode()
    if not text.startswith(b'"'):
        return ""
    try:
        return str(msgspec.json.decode(text))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LagoError(f"properties: {error}") from None


def _number(raw: Raw) -> Decimal | None:
    text = bytes(raw)
    try:
        if text[:1] in _DIGITS:
            return Decimal(text.decode())
    except InvalidOperation:
        raise LagoError(f"properties: {text[:40]!r} is beyond all numbers") from None
    found = _text(raw)
    return Decimal(found) if _NUMBER.fullmatch(found) else None


def fault(detail: str) -> tuple[str, str]:
    """The field, by Lago's name, and the sentence of a detail such as `data.value: is required`."""
    path, _, sentence = detail.partition(": ")
    head, dot, rest = path.partition(".")
    return (_LAGO_NAMES.get(head, head) + dot + rest, sentence) if sentence else ("event", detail)


def without_properties(raw: bytes) -> bytes:
    """What may be kept of an event that could not be read: its short texts and numbers."""
    try:
        fields = msgspec.json.decode(raw, type=dict[str, Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return b"{}"
    kept = LagoEvent.__struct_fields__
    return msgspec.json.encode(
        {n: v for n, v in fields.items() if n in kept and _is_short(bytes(v))}
    )


def _is_short(text: bytes) -> bool:
    return text[:1] not in b"[{" and len(text) <= _MOST_LABEL_TEXT
