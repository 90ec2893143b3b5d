"""`manage.py replay`."""

import time
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from metering.clickhouse.connection import StoreUnavailable
from metering.collectors import traces
from metering.collectors.cloudevents import UnreadableBody
from metering.collectors.event_files import BATCH, read_events
from metering.commands import find_tenant, prepared
from metering.ingest import Rejected, Report, ingest
from metering.models import Tenant

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
            total = _send(find_tenant(options["tenant"]), _batches(options))
        self.stdout.write(
            f"{total.sent} events: {total.accepted} stored, {total.duplicates} there already,"
            f" {total.rejected} in quarantine"
        )
        if total.first is not None:
            raise CommandError(
                f"{total.rejected} of {total.sent} events went to quarantine;"
                f" the first is event {total.first.index + 1}: {total.first.detail}"
            )


@dataclass(slots=True)
class _Total:
    """What became of all batches; of what was rejected only the first, for a file may be long."""

    sent: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    first: Rejected | None = None

    def add(self, batch: list[bytes], report: Report) -> None:
        if self.first is None and report.rejected:
            self.first = replace(report.rejected[0], index=self.sent + report.rejected[0].index)
        self.sent += len(batch)
        self.accepted += report.accepted
        self.duplicates += report.duplicates
        self.rejected += len(report.rejected)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a time such as 2026-10-15T09:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _batches(options: dict[str, Any]) -> Iterator[list[bytes]]:
    """The events of the file. Of a trace nothing is sent before all of it could be read."""
    path = options["file"]
    try:
        if options["format"] == "events":
            yield from read_events(path, settings.INGEST_MAX_BODY_BYTES)
            return
        with path.open(encoding="utf-8", newline="") as lines:
            requests = traces.READERS[options["format"]](lines, options["start"])
    except traces.TraceError as error:
        raise CommandError(f"{path}: {error}. Nothing was stored.") from None
    except UnreadableBody as error:
        raise CommandError(f"{path}: {error}. What came before that is stored.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from None
    yield from _trace_batches(requests, options)


def _trace_batches(
    requests: list[traces.TraceRequest], options: dict[str, Any]
) -> Iterator[list[bytes]]:
    trace = options["format"]
    if options["assume_cache"] == "all":
        requests = traces.assume_all_cached(requests)
    model = options["model"] or traces.DEFAULT_MODELS[trace]
    events = (event for r in requests for event in traces.request_events(r, trace, model))
    while batch := list(islice(events, BATCH)):
        yield batch


def _send(tenant: Tenant, batches: Iterator[list[bytes]]) -> _Total:
    total = _Total()
    with tqdm(unit="ev", desc=tenant.slug, disable=None) as bar:
        for batch in batches:
            total.add(batch, _patiently(tenant, batch))
            bar.update(len(batch))
    return total


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
