"""What waits to be told to Stripe, and what cannot be."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from billing.models import Invoice
from billing.stripe_sync import outbox, worker
from billing.stripe_sync.queued import Queued, revive
from billing.stripe_sync.records import StripeEvent
from metering import audit
from metering.commands import prepared
from metering.usage.period import month_period


class Command(BaseCommand):
    help = (
        "list: what is not at Stripe yet, with the reason. retry: try again what is dead, events"
        " too. queue: everything of a month, as after a key was set. push: what is due, now."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("act", choices=["list", "retry", "queue", "push"])
        parser.add_argument("--month", default="", help="such as 2026-10")

    def handle(self, *, act: str, month: str, **options: object) -> None:
        if act in {"queue", "push"} and not outbox.configured():
            raise CommandError("no STRIPE_API_KEY is set, so nothing is told to Stripe")
        try:
            if month:
                month_period(month, "UTC")
        except ValueError as error:
            raise CommandError(str(error)) from error
        with prepared():
            {"list": self._list, "retry": self._retry, "queue": self._queue, "push": self._push}[
                act
            ](month)

    def _list(self, month: str) -> None:
        for row in outbox.waiting(month).order_by("pk"):
            self.stdout.write(_line(f"{row.invoice} of {row.invoice.tenant}", row))
        for event in StripeEvent.objects.exclude(state=Queued.State.DONE).order_by("pk"):
            self.stdout.write(_line(str(event), event))

    def _retry(self, month: str) -> None:
        with transaction.atomic():
            events = StripeEvent.objects.none() if month else StripeEvent.objects.all()
            count = revive(outbox.waiting(month)) + revive(events)
            audit.record("stripe.retried", f"{count} rows")
        self.stdout.write(f"{count} will be tried again")

    def _queue(self, month: str) -> None:
        if not month:
            raise CommandError("--month: say of which month")
        rows = Invoice.objects.exclude(status=Invoice.Status.DRAFT)
        with transaction.atomic():
            invoices = list(rows.filter(month=f"{month}-01").order_by("pk"))
            outbox.queue(invoices)
        self.stdout.write(f"{len(invoices)} queued")

    def _push(self, month: str) -> None:
        self.stdout.write(f"{worker.push_due()} tried, {worker.handle_due()} events handled")


def _line(name: str, row: Queued) -> str:
    why = f": {row.last_error}" if row.last_error else ""
    return f"{row.state} {name}, {row.attempts} attempts, next {row.due_at:%F %H:%M}{why}"
