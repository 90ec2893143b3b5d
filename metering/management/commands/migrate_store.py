"""`manage.py migrate_store`."""

from typing import Any

from django.core.management.base import BaseCommand

from metering.clickhouse.migrate import migrate
from metering.commands import one_sentence


class Command(BaseCommand):
    help = "Bring the event store's schema up to date, as `migrate` does the database's."

    def handle(self, *args: Any, **options: Any) -> None:
        with one_sentence():
            ran = migrate()
        for name in ran:
            self.stdout.write(f"applied {name}")
        if not ran:
            self.stdout.write("nothing to apply")
