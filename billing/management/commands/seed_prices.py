"""`manage.py seed_prices`."""

from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError
from django.utils import timezone

from billing.catalogue.package import Package, read_package
from billing.catalogue.revision import seed


class Command(BaseCommand):
    help = (
        "Take list prices from the public catalogue in the installed package genai-prices. They"
        " are used where `apply` gave no price of the model; what was seeded before is not"
        " rewritten, and invoices keep the prices they were made from. Nothing is downloaded."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--provider", action="append", default=[], help="only this one; may be given again"
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would change")

    def handle(self, *args: Any, **options: Any) -> None:
        package, only = read_package(), options["provider"]
        known = sorted(provider.code for provider in package.document.providers)
        for name in only:
            if name not in known:
                raise CommandError(f"the catalogue has no provider {name!r}; it has {known}")
        today = timezone.now().date()
        try:
            changed = seed(package.document, today, only, dry_run=options["dry_run"])
        except IntegrityError:
            raise CommandError("somebody else is seeding prices; try again") from None
        for line in changed:
            self.stdout.write(line)
        self._summary(package, only, len(changed), dry_run=options["dry_run"])

    def _summary(self, package: Package, only: list[str], changed: int, *, dry_run: bool) -> None:
        """What was done, and what the catalogue has and cannot be taken."""
        told = [line for line in package.left_out if not only or line.partition("/")[0] in only]
        for reason, models in Counter(line.rpartition(": ")[2] for line in told).items():
            self.stdout.write(f"left out, unpriced: {models} models ({reason})")
        verb = "would change" if dry_run else "changed"
        source = package.document.source
        self.stdout.write(
            f"{source}: {changed} models {verb}" if changed else f"{source}: no change"
        )
