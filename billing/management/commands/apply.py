"""Bring the configuration to what a file says."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from billing.configuration import apply_configuration
from billing.configuration_schema import ConfigurationError, read_document
from metering.commands import prepared


class Command(BaseCommand):
    help = "Bring tenants, plans, cost prices and burst contracts to what a YAML or JSON file says."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="YAML, or JSON when it is named .json")
        parser.add_argument("--dry-run", action="store_true", help="say what would change only")

    def handle(self, *, file: Path, dry_run: bool, **options: object) -> None:
        with prepared():
            try:
                changes = apply_configuration(read_document(file), dry_run=dry_run)
            except ConfigurationError as error:
                raise CommandError(f"{file}: {error}") from error
        for change in changes or ["nothing to change"]:
            self.stdout.write(change)
