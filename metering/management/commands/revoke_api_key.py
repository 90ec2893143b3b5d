"""`manage.py revoke_api_key`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from metering.api_keys import revoke_api_key
from metering.commands import find_tenant, prepared


class Command(BaseCommand):
    help = "Refuse an API key from now on. The key is named by how it begins."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("beginning", help="the key, or at least its first ten characters")
        parser.add_argument("--tenant", required=True, metavar="SLUG")

    def handle(self, *args: Any, **options: Any) -> None:
        with prepared():
            tenant = find_tenant(options["tenant"])
            live = tenant.api_keys.filter(hint=options["beginning"][:10], revoked_at=None)
            if len(live) != 1:
                known = ", ".join(key.hint for key in tenant.api_keys.filter(revoked_at=None))
                raise CommandError(
                    f"{len(live)} live keys of {tenant.slug} begin so; live are: {known or 'none'}"
                )
            revoke_api_key(live[0])
        self.stdout.write(f"revoked {live[0].hint}… of {tenant.slug}")
