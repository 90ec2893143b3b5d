"""`manage.py bench`."""

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any, NoReturn

import msgspec
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from metering.bench.daa import DAYS, bench_daa, daa_table
from metering.bench.ingest import BATCH, CONNECTIONS, IngestResult, bench_ingest
from metering.bench.installation import BenchError, running_installation
from metering.commands import one_sentence


class Command(BaseCommand):
    help = (
        "Measure the product beside the bare driver or engine, in one run, in a folder of its own."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=["ingest", "daa"])
        parser.add_argument("--events", type=int, default=200_000, help="how many (200,000)")
        parser.add_argument(
            "--agent-days", type=int, default=100_000_000, help="how many, for daa (100,000,000)"
        )
        parser.add_argument("--json", action="store_true", help="print JSON only")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["what"] == "daa":
            self._daa(options)
            return
        if options["events"] < BATCH * CONNECTIONS:
            raise CommandError(f"--events must be at least {BATCH * CONNECTIONS}")
        try:
            with (
                one_sentence(),
                running_installation() as installation,
                tqdm(total=options["events"], unit=" events", disable=None) as bar,
            ):
                result = bench_ingest(
                    installation, options["events"], lambda done: _show(bar, done)
                )
        except BenchError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(
            msgspec.json.encode(asdict(result)).decode() if options["json"] else _table(result)
        )

    def _daa(self, options: dict[str, Any]) -> None:
        if options["agent_days"] < DAYS * 100:
            raise CommandError(f"--agent-days must be at least {DAYS * 100}")
        with (
            one_sentence(),
            tqdm(total=options["agent_days"], unit=" agent-days", disable=None) as bar,
        ):
            try:
                result = bench_daa(options["agent_days"], lambda done: _show(bar, done))
            except BenchError as error:
                raise CommandError(str(error)) from None
        self.stdout.write(
            msgspec.json.encode(asdict(result)).decode() if options["json"] else daa_table(result)
        )


def _show(bar: "tqdm[NoReturn]", done: int) -> None:
    bar.update(done)


def _table(result: IngestResult) -> str:
    return (
        f"{result.events:,} events, batches of {result.batch:,}, {result.connections} connections\n"
        f"over HTTP:   {result.http_events_per_second:>12,.0f} events/s\n"
        f"bare driver: {result.bare_rows_per_second:>12,.0f} rows/s\n"
        f"ratio:       {result.ratio:>12.3f}"
    )
