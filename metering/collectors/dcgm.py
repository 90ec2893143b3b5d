"""NVIDIA's DCGM exporter into `agent.chip`: chips that a pod holds, by the wall clock.

Format: Prometheus text of NVIDIA/dcgm-exporter. None of its series counts chip-seconds, so two
scrapes say what was held between them: a (device, pod) in both of two consecutive ones is an
interval from the first to the second. Busy or not makes no difference, for it is held. A device
without a pod is nobody's, scrapes more than a quarter of an hour apart say nothing about between,
and a MIG slice is a chip of its own name and price. The agent is `namespace/pod`.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

import msgspec

from metering.collectors.chips import ChipError, chip_name

LONGEST_GAP = timedelta(minutes=15)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SAMPLE = re.compile(r"DCGM_\w+\{(?P<labels>.*)\}\s+\S+(?:\s+(?P<millis>\d{1,14}))?\s*")
# A name begins at its first letter only, and nothing is given back: linear in the line's length.
_LABEL = re.compile(r'(?<!\w)(\w++)="((?:[^"\\]|\\.)*+)"')


class Device(NamedTuple):
    """A chip, or a slice of one, that a pod holds."""

    host: str
    uuid: str
    instance: str
    chip: str
    namespace: str
    pod: str


class Scrape(NamedTuple):
    """What was held at a moment."""

    time: datetime
    devices: frozenset[Device]


def read_scrapes(text: str, taken_at: datetime | None = None) -> list[Scrape]:
    """The scrapes in a text, in order of time.

    Samples bear their time in milliseconds, as Prometheus writes them; those of a text just
    fetched from the exporter bear none and are of `taken_at`. Raises ChipError.
    """
    found: dict[datetime, set[Device]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        sample = _SAMPLE.fullmatch(line)
        if sample is None:
            continue
        millis = sample["millis"]
        time = _EPOCH + timedelta(milliseconds=int(millis)) if millis else taken_at
        if time is None:
            raise ChipError(f"line {number}: a sample in a file needs its time, in milliseconds")
        held = found.setdefault(time, set())
        device = _device(dict(_LABEL.findall(sample["labels"])))
        if device is not None:
            held.add(device)
    if not found and taken_at is None:
        raise ChipError("there is no sample of the DCGM exporter in it")
    if not found and taken_at is not None:
        found[taken_at] = set()
    return [Scrape(time, frozenset(held)) for time, held in sorted(found.items())]


def _device(labels: dict[str, str]) -> Device | None:
    # Prometheus renames what collides with the labels of its own target.
    pod = labels.get("exported_pod") or labels.get("pod", "")
    if not pod or "UUID" not in labels:
        return None
    profile = labels.get("GPU_I_PROFILE", "")
    return Device(
        host=labels.get("Hostname", ""),
        uuid=labels["UUID"],
        instance=labels.get("GPU_I_ID", ""),
        chip=chip_name(labels.get("modelName", "") + (f" mig {profile}" if profile else "")),
        namespace=labels.get("exported_namespace") or labels.get("namespace", ""),
        pod=pod,
    )


def events(scrapes: Iterable[Scrape]) -> Iterator[bytes]:
    """An `agent.chip` for each device held from one scrape to the next."""
    for before, after in pairwise(scrapes):
        if not timedelta(0) < after.time - before.time <= LONGEST_GAP:
            continue
        for device in sorted(before.devices & after.devices):
            yield _event(device, before.time, after.time)


def _event(device: Device, started_at: datetime, ended_at: datetime) -> bytes:
    agent = f"{device.namespace}/{device.pod}".strip("/")
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "id": f"{device.uuid}/{device.instance}/{agent}/{started_at.isoformat()}",
            "source": f"dcgm/{device.host}",
            "type": "agent.chip",
            "subject": agent,
            "time": started_at,
            "data": {
                "chip": device.chip,
                "started_at": started_at,
                "ended_at": ended_at,
                "labels": {"host": device.host, "uuid": device.uuid},
            },
        }
    )
