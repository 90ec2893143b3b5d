"""Compare our invoices with Stripe's."""

import sys
from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from billing.stripe_sync.gateway import RefusedError, TryLaterError
from billing.stripe_sync.outbox import configured
from billing.stripe_sync.reconciling import Difference, as_csv, differences
from metering.commands import prepared
from metering.usage.period import month_period


class Command(BaseCommand):
    help = "Say what differs between the invoices here and at Stripe; exits with 1 where they do."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--month", default="", help="such as 2026-10; all of them without it")
        parser.add_argument("--csv", action="store_true", help="print a CSV file")

    def handle(self, *, month: str, csv: bool, **options: object) -> None:
        if not configured():
            raise CommandError("no STRIPE_API_KEY is set, so there is nothing to compare with")
        _check(month)
        with prepared():
            try:
                found = differences(month)
            except (TryLaterError, RefusedError) as error:
                raise CommandError(f"Stripe does not answer: {error}") from error
        if csv:
            self._print_csv(found)
        else:
            for item in found:
                self.stdout.write(_sentence(item))
        if found:
            raise CommandError(f"{len(found)} differences")
        if not csv:
            self.stdout.write("the same at Stripe as here")

    def _print_csv(self, found: list[Difference]) -> None:
        # The bytes as they are: a text stream would turn CRLF into what the platform likes.
        binary = getattr(self.stdout, "buffer", None) or getattr(sys.stdout, "buffer", None)
        for line in as_csv(found):
            if binary is None:
                self.stdout.write(line.decode(), ending="")
            else:
                binary.write(line)


def _check(month: str) -> None:
    try:
        if month:
            month_period(month, "UTC")
    except ValueError as error:
        raise CommandError(str(error)) from error


def _sentence(item: Difference) -> str:
    where = " ".join(word for word in (item.tenant, item.month, item.number) if word)
    sides = f"{item.ours or 'nothing'} here, {item.theirs or 'nothing'} at Stripe"
    more = "".join(f" ({word})" for word in (item.remote_id, item.note) if word)
    return f"{item.kind}: {where}: {sides}{more}"
