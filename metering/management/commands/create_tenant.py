"""`manage.py create_tenant`."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from metering.commands import one_sentence
from metering.models import Tenant


class Command(BaseCommand):
    help = "Make a tenant."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="its short name, in addresses and commands")
        parser.add_argument("--name", help="its full name (default: the slug)")
        parser.add_argument("--timezone", default="UTC", help="IANA zone of its days (UTC)")
        parser.add_argument("--currency", default="USD", help="ISO 4217 code (USD)")

    def handle(self, *args: Any, **options: Any) -> None:
        slug = options["slug"]
        tenant = Tenant(
            slug=slug,
            name=options["name"] or slug,
            timezone=options["timezone"],
            currency=options["currency"],
        )
        with one_sentence():
            try:
                tenant.full_clean()
            except ValidationError as error:
                raise CommandError(_sentence(error)) from None
            tenant.save()
        self.stdout.write(f"made tenant {slug}")


def _sentence(error: ValidationError) -> str:
    return "; ".join(
        f"{field}: {' '.join(messages)}" for field, messages in error.message_dict.items()
    )
