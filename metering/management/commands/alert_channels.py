"""`manage.py alert_channels`."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from metering.commands import find_tenants, prepared
from metering.notices.models import AlertChannel, Delivery
from metering.notices.queue import Told, tell
from metering.notices.webhook import new_secret


class Command(BaseCommand):
    help = "Show where alerts are sent to, the secrets that sign them, and what did not arrive."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", metavar="SLUG", help="one tenant (all)")
        parser.add_argument("--test", metavar="KEY", help="send a test to all of them")
        parser.add_argument("--new-secret", metavar="ADDRESS", help="sign with another one")

    def handle(
        self, *, tenant: str | None, test: str | None, new_secret: str | None, **options: object
    ) -> None:
        with prepared():
            tenants = find_tenants(tenant)
            channels = AlertChannel.objects.filter(tenant__in=tenants).select_related("tenant")
            if new_secret:
                _renew(list(channels.filter(address=new_secret)), new_secret)
            for one in tenants if test else []:
                tell(one, Told(key=f"test/{test}", kind="test", subject="A test", text="It works."))
            for channel in channels:
                self.stdout.write(_line(channel))


def _renew(channels: list[AlertChannel], address: str) -> None:
    if len(channels) != 1:
        raise CommandError(f"there are {len(channels)} channels {address!r}; name a --tenant")
    channels[0].secret = new_secret()
    channels[0].save(update_fields=["secret"])


def _line(channel: AlertChannel) -> str:
    late = Delivery.objects.filter(channel=channel, delivered_at=None).exclude(last_error="")
    last = late.order_by("-pk").first()
    secret = f" {channel.secret}" if channel.kind == AlertChannel.WEBHOOK else ""
    state = "" if channel.enabled else " (disabled)"
    error = f"; {late.count()} did not arrive, the last one: {last.last_error}" if last else ""
    return f"{channel}{state}{secret}{error}"
