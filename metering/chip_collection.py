"""Chip telemetry from a file or an address into events, by the same path as all others."""

import re
from http.client import HTTPException
from urllib import request as http

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from metering.collectors import dcgm, opencost
from metering.collectors.chips import ChipError
from metering.ingest import Report, ingest
from metering.models import ChipScrape, Tenant

KINDS = ("dcgm", "opencost")
_TIMEOUT_SECONDS = 20


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
    with transaction.atomic():
        kept, is_first = ChipScrape.objects.select_for_update().get_or_create(
            tenant=tenant, url=url, defaults={"taken_at": after.time}
        )
        before = dcgm.Scrape(kept.taken_at, frozenset(dcgm.Device(*d) for d in kept.devices))
        # Stored before it is kept: a kill in between sends an interval of the same id, which the
        # first one wins, and never the same seconds twice.
        report = ingest(tenant, list(dcgm.events([before, after])))
        if is_first or after.time > before.time:
            kept.taken_at, kept.devices = after.time, sorted(after.devices)
            kept.save()
    return report


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
    limit = settings.INGEST_MAX_BODY_BYTES
    try:
        with opener.open(url, timeout=_TIMEOUT_SECONDS) as answer:
            body: bytes = answer.read(limit + 1)
    except (HTTPException, OSError, ValueError) as error:
        raise ChipError(f"{url} does not answer: {error}") from None
    if len(body) > limit:
        raise ChipError(f"{url}: the answer is larger than {limit} bytes")
    return body


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise ChipError(f"it is not text: {error}") from None
