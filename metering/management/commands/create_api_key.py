"""`manage.py create_api_key`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from metering.api_keys import SCOPES, create_api_key
from metering.commands import find_tenant, prepared


class Command(BaseCommand):
    help = "Make an API key and show it, once, as the last line."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        parser.add_argument(
            "--scope",
            action="append",
            choices=SCOPES,
            help="what the key may do; repeat for both (default: both)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with prepared():
            tenant = find_tenant(options["tenant"])
            scopes = options["scope"] or SCOPES
            key = create_api_key(tenant, scopes)
        self.stderr.write(
            f"A key of {tenant.slug} with scope {' and '.join(scopes)}. It is not shown again:"
        )
        self.stdout.write(key)
