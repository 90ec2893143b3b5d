"""`manage.py collect`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from metering.chip_collection import KINDS, collect_text, collect_url
from metering.collectors.chips import ChipError
from metering.commands import find_tenant, prepared
from metering.ingest import Report
from metering.models import Tenant


class Command(BaseCommand):
    help = "Chip telemetry of DCGM or OpenCost into chip events. Safe to run twice."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=KINDS)
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        parser.add_argument("--chip", default="", help="its name where OpenCost does not tell it")
        where = parser.add_mutually_exclusive_group(required=True)
        where.add_argument("--file", type=Path, metavar="F", help="dcgm: scrapes with their times")
        where.add_argument("--url", help="dcgm: what was held since the last time it was asked")

    def handle(self, *args: Any, **options: Any) -> None:
        with prepared(store=True):
            tenant = find_tenant(options["tenant"])
            try:
                report = _collect(tenant, options)
            except ChipError as error:
                raise CommandError(f"{error}. Nothing was stored.") from None
        self.stdout.write(
            f"{report.accepted} stored, {report.duplicates} there already,"
            f" {len(report.rejected)} in quarantine"
        )
        if report.rejected:
            raise CommandError(f"the first in quarantine: {report.rejected[0].detail}")


def _collect(tenant: Tenant, options: dict[str, Any]) -> Report:
    if options["url"]:
        return collect_url(tenant, options["kind"], options["url"], options["chip"])
    try:
        body = options["file"].read_bytes()
    except OSError as error:
        raise CommandError(f"{options['file']} cannot be read: {error}") from None
    return collect_text(tenant, options["kind"], body, options["chip"])
