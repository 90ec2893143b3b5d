"""OpenCost's allocations into `agent.chip`. Format: opencost/opencost, `GET /allocation` as JSON.

An allocation of `gpuCount` chips becomes one interval from its start, as long as makes count times
length its `gpuHours`. The agent is the label `agent`, else `namespace/controller`, else the
allocation's name. What is idle or unallocated is nobody's. A window that is not over is left for
the next time, for the first interval of an allocation and start wins: always ask for windows of
one and the same length.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal

import msgspec
from msgspec import Struct

from metering.collectors.chips import ChipError, chip_name

_NOBODY = ("__idle__", "__unallocated__", "__unmounted__")
_PLACES = Decimal("1e-18")  # what an event holds
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)
_MOST_GPU_HOURS = 10**9
_MICROSECOND = timedelta(microseconds=1)


class _Properties(Struct):
    cluster: str = ""
    namespace: str = ""
    controller: str = ""
    labels: dict[str, str] | None = None


class _Window(Struct):
    start: datetime | None = None
    end: datetime | None = None


class _Gpu(Struct):
    gpuModel: str = ""  # noqa: N815 - OpenCost's name


class _Allocation(Struct):
    name: str
    start: datetime
    end: datetime
    properties: _Properties | None = None
    window: _Window | None = None
    gpuCount: Decimal = Decimal(0)  # noqa: N815
    gpuHours: Decimal = Decimal(0)  # noqa: N815
    gpuAllocation: _Gpu | None = None  # noqa: N815


class _Answer(Struct):
    data: list[dict[str, _Allocation] | None]


_ANSWER = msgspec.json.Decoder(_Answer)


def events(body: bytes, now: datetime, chip: str = "") -> Iterator[bytes]:
    """An `agent.chip` for each allocation of chips whose window is over at `now`.

    `chip` is its name where the allocation does not tell the model. Raises ChipError.
    """
    try:
        windows = _ANSWER.decode(body).data
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ChipError(f"these are no allocations of OpenCost: {error}") from None
    for allocations in windows:
        for allocation in (allocations or {}).values():
            if _counts(allocation, now):
                yield _within_calendar(allocation, chip)


def _within_calendar(allocation: _Allocation, chip: str) -> bytes:
    try:
        return _event(allocation, chip)
    except OverflowError:
        raise ChipError(f"{allocation.name}: its times are beyond the calendar") from None


def _counts(allocation: _Allocation, now: datetime) -> bool:
    end = (allocation.window and allocation.window.end) or allocation.end
    for time in (allocation.start, allocation.end, end):
        if time.tzinfo is None:
            raise ChipError(f"{allocation.name}: its times need a zone, such as a Z at the end")
    somebody = not any(name in allocation.name for name in _NOBODY)
    return somebody and allocation.gpuHours != 0 and end <= now


def _event(allocation: _Allocation, chip: str) -> bytes:
    properties = allocation.properties or _Properties()
    count, length = _count_and_length(allocation)
    start = allocation.start.astimezone(UTC)
    model = allocation.gpuAllocation.gpuModel if allocation.gpuAllocation else ""
    data: dict[str, object] = {
        "chip": chip_name(model or chip),
        "count": count,
        "started_at": start,
        "ended_at": start + length,
    }
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "id": f"{allocation.name}/{start.isoformat()}",
            "source": f"opencost/{properties.cluster}",
            "type": "agent.chip",
            "subject": _agent(allocation, properties),
            "time": start,
            "data": data,
        }
    )


def _agent(allocation: _Allocation, properties: _Properties) -> str:
    labelled = (properties.labels or {}).get("agent", "")
    controlled = f"{properties.namespace}/{properties.controller}" if properties.controller else ""
    return labelled or controlled or allocation.name


def _count_and_length(allocation: _Allocation) -> tuple[Decimal, timedelta]:
    """How many chips for how long; over the whole allocation where it does not say how many."""
    hours, count = allocation.gpuHours, allocation.gpuCount
    # NaN compares to nothing.
    finite = hours.is_finite() and count.is_finite()
    if not finite or not 0 < hours < _MOST_GPU_HOURS or not 0 <= count < _MOST_GPU_HOURS:
        raise ChipError(f"{allocation.name}: its gpuHours or gpuCount cannot be right")
    if not count:
        whole = (allocation.end - allocation.start) // _MICROSECOND
        if whole <= 0:
            raise ChipError(f"{allocation.name}: ends before it starts")
        count = _EXACT.divide(hours * 3_600_000_000, Decimal(whole))
    count = count.quantize(_PLACES, context=_EXACT)
    if not count:
        raise ChipError(f"{allocation.name}: its gpuCount cannot be right")
    return count, int(_EXACT.divide(hours * 3_600_000_000, count)) * _MICROSECOND
