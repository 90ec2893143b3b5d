"""Rate cases of charges and quantities without any database."""

import json
import sys

from django.core.management.base import BaseCommand, CommandError

from billing.rating.case import rate_json


class Command(BaseCommand):
    help = "Read a JSON array of cases from standard input and print their amounts and lines."
    requires_system_checks = ()

    def handle(self, *args: object, **options: object) -> None:
        try:
            results = rate_json(sys.stdin.buffer.read())
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(results))
