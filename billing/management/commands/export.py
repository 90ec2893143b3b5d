"""Write a finance file."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from billing.exports.ask import FOCUS_VERSIONS, JOURNAL_FORMATS, OPTIONS, ExportError, read_ask
from billing.exports.registry import EXPORTS, export
from metering.commands import find_tenants, prepared


class Command(BaseCommand):
    help = "Write a month's finance file as CSV, to a file or standard output."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=sorted(EXPORTS))
        parser.add_argument("--period", required=True, metavar="MONTH", help="such as 2026-10")
        parser.add_argument("--tenant", help="the slug of one tenant; all of them without it")
        parser.add_argument("--out", type=Path, help="the file to write; standard output without")
        parser.add_argument("--focus-version", choices=FOCUS_VERSIONS, help="of focus (1.2)")
        parser.add_argument("--format", choices=JOURNAL_FORMATS, help="of journal (generic)")
        parser.add_argument("--part", help="of a journal for xero: which file, where it is several")

    def handle(
        self, *, kind: str, period: str, tenant: str | None, out: Path | None, **options: object
    ) -> None:
        asked = {name: str(options[name]) for name in OPTIONS if options[name]}
        with prepared(store=True):
            try:
                chunks = export(read_ask(kind, period, asked), find_tenants(tenant))
            except ExportError as error:
                raise CommandError(str(error)) from error
            if out is None:
                self._print(chunks)
            else:
                _write(chunks, out)

    def _print(self, lines: Iterator[bytes]) -> None:
        # The bytes as they are: a text stream would turn CRLF into what the platform likes.
        binary = getattr(self.stdout, "buffer", None) or getattr(sys.stdout, "buffer", None)
        for line in lines:
            if binary is None:
                self.stdout.write(line.decode(), ending="")
            else:
                binary.write(line)


def _write(lines: Iterator[bytes], out: Path) -> None:
    """Put the file in place only when it is whole."""
    part = out.with_name(f"{out.name}.part")
    try:
        with part.open("wb") as file:
            file.writelines(lines)
        part.replace(out)
    except OSError as error:
        raise CommandError(f"{out} cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
