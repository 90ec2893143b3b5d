"""`manage.py replay`."""

import time
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from metering.clickhouse.connection import StoreUnavailable
from metering.collectors import traces
from metering.collectors.cloudevents import JSON, NDJSON, UnreadableBody, split_body
from metering.commands import find_tenant, prepared
from metering.ingest import Report, ingest
from metering.models import Tenant

_BATCH = 5_000
# A store that is killed and started again is back well within this.
_PATIENCE_SECONDS = 60


class Command(BaseCommand):
    help = "Send a trace or a file of CloudEvents through the ingestion path. Safe to run twice."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--format", required=True, choices=[*traces.READERS, "events"])
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        parser.add_argument(
            "--start",
            type=_moment,
            metavar="ISO",
            help="when the trace begins (mooncake: 2026-10-15T09:00:00Z, azure-llm: as recorded)",
        )
        parser.add_argument("--model", help="the model of its calls (kimi-k2, gpt-4-code)")
        parser.add_argument(
            "--assume-cache",
            choices=["none", "all"],
            default="none",
            help="count prompt blocks that came before as computed again, or as read from a cache",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with prepared(store=True):
            tenant = find_tenant(options["tenant"])
            events = _events(options)
            total = _send(tenant, events)
        self.stdout.write(
            f"{len(events)} events: {total.accepted} stored, {total.duplicates} there already,"
            f" {len(total.rejected)} in quarantine"
        )
        if total.rejected:
            first = total.rejected[0]
            raise CommandError(
                f"{len(total.rejected)} of {len(events)} events went to quarantine;"
                f" the first is event {first.index + 1}: {first.detail}"
            )


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a time such as 2026-10-15T09:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _events(options: dict[str, Any]) -> list[bytes]:
    """Every event of the file; nothing is sent before all of it could be read."""
    path, trace = options["file"], options["format"]
    try:
        if trace == "events":
            return _cloudevents(path)
        with path.open(encoding="utf-8", newline="") as lines:
            requests = traces.READERS[trace](lines, options["start"])
    except (traces.TraceError, UnreadableBody) as error:
        raise CommandError(f"{path}: {error}. Nothing was stored.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from None
    if options["assume_cache"] == "all":
        requests = traces.assume_all_cached(requests)
    model = options["model"] or traces.DEFAULT_MODELS[trace]
    return [event for request in requests for event in traces.request_events(request, trace, model)]


def _cloudevents(path: Path) -> list[bytes]:
    """A JSON array, a single event, or one event on each line."""
    body = path.read_bytes()
    lines = split_body(NDJSON[0], {}, body)
    whole = lines and not lines[0].strip().endswith(b"}")
    return split_body(JSON, {}, body) if whole else lines


def _send(tenant: Tenant, events: list[bytes]) -> Report:
    total, sent = Report(), 0
    with tqdm(total=len(events), unit="ev", desc=tenant.slug, disable=None) as bar:
        for batch in _batches(iter(events)):
            report = _patiently(tenant, batch)
            total.accepted += report.accepted
            total.duplicates += report.duplicates
            total.rejected += [replace(r, index=sent + r.index) for r in report.rejected]
            sent += len(batch)
            bar.update(len(batch))
    return total


def _batches(events: Iterator[bytes]) -> Iterator[list[bytes]]:
    while batch := list(islice(events, _BATCH)):
        yield batch


def _patiently(tenant: Tenant, batch: list[bytes]) -> Report:
    """Sending again is harmless, so a store that went away is waited for."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return ingest(tenant, batch)
        except StoreUnavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
