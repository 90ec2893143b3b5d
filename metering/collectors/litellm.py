"""LiteLLM's StandardLoggingPayload into events. Format: BerriAI/litellm, generic API callback.

A call becomes `agent.tokens`, its id LiteLLM's call id, with further ones under `id/modality` where
it tells of several modalities. An answer from LiteLLM's own cache becomes `agent.cache`, for no
model computed it. A call without usage, a failed one above all, is unmetered: kept aside with a
detail that begins so, and never billed as zero; its retry bears the same call id and counts. Agent:
`agent_id` or `agent` of what the caller sent as metadata (the SDK keeps only its
`spend_logs_metadata`), else end user, else alias, user or hash of the key, else `litellm`. Task:
`task` or `task_id` of the same, and `attempt`.

Only the fields below are decoded, so no prompt, answer or parameter gets past here.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Raw, Struct

from metering.clickhouse.quarantine import UNMETERED, Refused
from metering.collectors.bounds import check_array, check_lines
from metering.collectors.providers import UsageError, token_classes, token_parts
from metering.usage.json_faults import field_first

SOURCE = "litellm"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_SECONDS = 10**11


class LiteLLMError(ValueError):
    """A body in which no payload can be told from the next."""


class _Caller(Struct):
    """What a caller may send as metadata of a request."""

    agent_id: str | None = None
    agent: str | None = None
    task: str | None = None
    task_id: str | None = None
    attempt: int | None = None


class _Metadata(Struct):
    requester_metadata: _Caller | None = None
    spend_logs_metadata: _Caller | None = None
    usage_object: Raw = Raw(b"null")
    user_api_key_end_user_id: str | None = None
    user_api_key_alias: str | None = None
    user_api_key_user_id: str | None = None
    user_api_key_hash: str | None = None


class _Parameters(Struct):
    service_tier: str | None = None


class _Payload(Struct):
    id: str | None = None
    litellm_call_id: str | None = None
    status: str = "success"
    call_type: str = ""
    cache_hit: bool | None = None
    custom_llm_provider: str | None = None
    model: str = ""
    startTime: Decimal | None = None  # noqa: N815 - LiteLLM's name
    endTime: Decimal | None = None  # noqa: N815
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    end_user: str | None = None
    metadata: _Metadata | None = None
    model_parameters: _Parameters | None = None

    @property
    def key(self) -> str:
        return self.litellm_call_id or self.id or ""


_PAYLOAD = msgspec.json.Decoder(_Payload)
_LIST = msgspec.json.Decoder(list[Raw])
_OBJECT = msgspec.json.Decoder(dict[str, Any])
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def events(body: bytes) -> list[bytes | Refused]:
    """What each payload of a JSON array, or of lines, becomes.

    Raises LiteLLMError, and TooManyEvents or NotObjects for what should not be taken apart.
    """
    text = body.strip()
    check = check_array if text.startswith(b"[") else check_lines
    check(text)
    try:
        raws = _LIST.decode(text) if text.startswith(b"[") else text.splitlines()
    except _UNREADABLE as error:
        raise LiteLLMError(f"the body is not JSON: {error}") from None
    return [event for raw in raws if bytes(raw).strip() for event in _events(bytes(raw))]


def _events(raw: bytes) -> Sequence[bytes | Refused]:
    try:
        payload = _PAYLOAD.decode(raw)
    except _UNREADABLE as error:
        return [Refused(b"{}", SOURCE, "", field_first(str(error), ""))]
    try:
        provider = payload.custom_llm_provider or ""
        parts = token_parts(_usage(payload), provider) or []
        classes = token_classes(_usage(payload), provider) or {}
        if not any(classes.values()):
            return [_unmetered(payload)]
        if payload.cache_hit:
            return [_cache_hit(payload, classes)]
        return [_call(payload, part) for part in parts]
    except (UsageError, LiteLLMError) as error:
        return [Refused(_scrubbed(payload), SOURCE, payload.key, str(error))]


def _unmetered(payload: _Payload) -> Refused:
    why = "it failed" if payload.status == "failure" else "a stream reports it only when asked to"
    detail = f"{UNMETERED} the call reports no usage; {why}"
    return Refused(_scrubbed(payload), SOURCE, payload.key, detail)


def _usage(payload: _Payload) -> dict[str, Any]:
    """The usage object, or the plain totals where there is none."""
    try:
        reported = _OBJECT.decode(payload.metadata.usage_object) if payload.metadata else {}
    except _UNREADABLE:
        reported = {}
    totals = {
        "prompt_tokens": payload.prompt_tokens,
        "completion_tokens": payload.completion_tokens,
    }
    return reported or totals


def _cache_hit(payload: _Payload, classes: dict[str, int]) -> bytes:
    saved = classes["output_tokens"] + sum(classes[name] for name in _PROMPT)
    data = _of_task(payload) | {"cache": SOURCE, "hit": True, "saved_tokens": saved}
    return msgspec.json.encode(_envelope(payload) | {"type": "agent.cache", "data": data})


def _call(payload: _Payload, part: dict[str, object]) -> bytes:
    event = _envelope(payload)
    if "part" in part and event["id"]:
        event["id"] = f"{event['id']}/{part['modality']}"
    data = _of_task(payload) | part | {"provider": payload.custom_llm_provider or ""}
    data |= {"attempt": _given(payload).attempt or 1, "duration_ms": _duration(payload)}
    if payload.model_parameters and payload.model_parameters.service_tier:
        data["service_tier"] = payload.model_parameters.service_tier
    return msgspec.json.encode(event | {"type": "agent.tokens", "data": data})


def _envelope(payload: _Payload) -> dict[str, object]:
    # A failure may have used tokens; its retry bears the same call id, and both count.
    suffix = "/failed" if payload.key and payload.status == "failure" else ""
    return {
        "specversion": "1.0",
        "id": payload.key + suffix,
        "source": SOURCE,
        "subject": _agent(payload, _given(payload)),
        "time": _moment(payload.endTime, "endTime"),
    }


def _of_task(payload: _Payload) -> dict[str, object]:
    given = _given(payload)
    # A model asked for as openai/gpt-5 and one asked for as gpt-5 have one price.
    model = payload.model.removeprefix(f"{payload.custom_llm_provider or ''}/")
    return {"task": given.task or given.task_id or "", "model": model}


_PROMPT = ("input_tokens", "cache_read_tokens", "cache_write_tokens")


def _given(payload: _Payload) -> _Caller:
    metadata = payload.metadata
    found = metadata and (metadata.requester_metadata or metadata.spend_logs_metadata)
    return found or _Caller()


def _agent(payload: _Payload, given: _Caller) -> str:
    metadata = payload.metadata or _Metadata()
    candidates = (
        given.agent_id,
        given.agent,
        payload.end_user,
        metadata.user_api_key_end_user_id,
        metadata.user_api_key_alias,
        metadata.user_api_key_user_id,
        metadata.user_api_key_hash,
    )
    return next(filter(None, candidates), SOURCE)


def _moment(seconds: Decimal | None, name: str) -> datetime | None:
    if seconds is None:
        return None
    try:
        if abs(seconds) > _MOST_SECONDS:
            raise ValueError
        return _EPOCH + timedelta(microseconds=int(seconds.scaleb(6)))
    except (ArithmeticError, ValueError):
        raise LiteLLMError(f"{name}: is not a time in seconds") from None


def _duration(payload: _Payload) -> int | None:
    started = _moment(payload.startTime, "startTime")
    ended = _moment(payload.endTime, "endTime")
    if started is None or ended is None or ended < started:
        return None
    return (ended - started) // timedelta(milliseconds=1)


def _scrubbed(payload: _Payload) -> bytes:
    """What was decoded, with the numbers of the usage object and nothing else of it."""
    usage = _numbers(_usage(payload))
    if payload.metadata:
        payload.metadata.usage_object = Raw(msgspec.json.encode(usage))
    return msgspec.json.encode(payload)


def _numbers(usage: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _numbers(value) if isinstance(value, Mapping) else value
        for name, value in usage.items()
        if isinstance(value, int | Mapping)
    }
