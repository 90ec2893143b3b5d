"""Chip telemetry from a file or an address into events, by the same path as all others."""

import re
import time
from http.client import HTTPException, HTTPResponse
from urllib import request as http

from django.conf import settings
from django.utils import timezone

from metering.collectors import dcgm, opencost
from metering.collectors.chips import ChipError
from metering.ingest import Report, ingest
from metering.models import ChipScrape, Tenant

KINDS = ("dcgm", "opencost")
# Of silence, and for the whole answer.
_TIMEOUT_SECONDS, _DEADLINE_SECONDS = 10, 30
_CHUNK = 1 << 16


def collect_text(tenant: Tenant, kind: str, body: bytes, chip: str = "") -> Report:
    """Store what a file says: timed scrapes of DCGM, or an answer of OpenCost. Raises ChipError."""
    if kind == "opencost":
        return ingest(tenant, list(opencost.events(body, timezone.now(), chip)))
    return ingest(tenant, list(dcgm.events(dcgm.read_scrapes(_decoded(body)))))


def collect_url(tenant: Tenant, kind: str, url: str, chip: str = "") -> Report:
    """Fetch and store. Of DCGM what was held since the scrape before. Raises ChipError."""
    body = fetch(url)
    if kind == "opencost":
        return collect_text(tenant, kind, body, chip)
    *_, after = dcgm.read_scrapes(_decoded(body), timezone.now())
    return _advance(tenant, url, after)


def _advance(tenant: Tenant, url: str, after: dcgm.Scrape) -> Report:
    """Store what was held until `after`, and keep it for the next one.

    It is written down as the next scrape before its intervals are stored, and takes the place of
    the former one when they are. So whoever is killed anywhere, or comes second, stores the same
    intervals of the same two scrapes: none is lost, none is longer, and they count once.
    """
    report = Report()
    devices = sorted(after.devices)
    kept, _ = ChipScrape.objects.get_or_create(
        tenant=tenant, url=url, defaults={"taken_at": after.time, "devices": devices}
    )
    while kept.next_at is not None or kept.taken_at < after.time:
        same = ChipScrape.objects.filter(pk=kept.pk, taken_at=kept.taken_at, next_at=kept.next_at)
        if kept.next_at is None:
            same.update(next_at=after.time, next_devices=devices)
        else:
            report.add(ingest(tenant, list(dcgm.events(_scrapes(kept)))))
            same.update(
                taken_at=kept.next_at, devices=kept.next_devices, next_at=None, next_devices=[]
            )
        kept.refresh_from_db()
    return report


def _scrapes(kept: ChipScrape) -> list[dcgm.Scrape]:
    """The last scrape and the next."""
    return [
        dcgm.Scrape(moment, frozenset(dcgm.Device(*device) for device in devices))
        for moment, devices in (
            (kept.taken_at, kept.devices),
            (kept.next_at or kept.taken_at, kept.next_devices),
        )
    ]


def fetch(url: str) -> bytes:
    """The body at an http or https address; no redirects. Raises ChipError."""
    if not re.match(r"(?i)https?://", url):
        raise ChipError(f"{url}: is not an http or https address")
    opener = http.OpenerDirector()
    for handler in (
        http.HTTPHandler,
        http.HTTPSHandler,
        http.HTTPErrorProcessor,
        http.HTTPDefaultErrorHandler,
    ):
        opener.add_handler(handler())
    try:
        with opener.open(url, timeout=_TIMEOUT_SECONDS) as answer:
            return _read(url, answer)
    except (HTTPException, OSError, ValueError) as error:
        if isinstance(error, ChipError):
            raise
        raise ChipError(f"{url} does not answer: {error}") from None


def _read(url: str, answer: HTTPResponse) -> bytes:
    """All of it, unless it is too large or comes too slowly."""
    limit, deadline = settings.INGEST_MAX_BODY_BYTES, time.monotonic() + _DEADLINE_SECONDS
    body = bytearray()
    while chunk := answer.read1(_CHUNK):
        body += chunk
        if len(body) > limit:
            raise ChipError(f"{url}: the answer is larger than {limit} bytes")
        if time.monotonic() > deadline:
            raise ChipError(f"{url}: the answer was not over after {_DEADLINE_SECONDS} s")
    return bytes(body)


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise ChipError(f"it is not text: {error}") from None
