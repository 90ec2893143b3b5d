"""`manage.py up`."""

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from config.processes import ProcessError, Supervisor, check_port
from metering.clickhouse.migrate import migrate
from metering.commands import check_data_dir, one_sentence


class Command(BaseCommand):
    help = "Start everything in the foreground: event store, migrations, web, worker and beat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")

    def handle(self, *args: Any, **options: Any) -> None:
        self.serve(options["host"], options["port"])

    def serve(
        self,
        host: str,
        port: int,
        before: Callable[[], None] | None = None,
        greeting: Callable[[], str] = str,
    ) -> None:
        """Prepare, do `before`, then run until a signal. All that can be mended is one sentence."""
        try:
            # Before anything is started: what runs there already must not be stopped by this.
            check_port(host, port)
            check_data_dir()
        except ProcessError as error:
            raise CommandError(str(error)) from None
        supervisor = Supervisor(host, port)
        try:
            self._prepare(before)
            supervisor.start()
            self.stdout.write(f"Daybook is ready: http://{host}:{port}/ (Ctrl-C stops it)")
            self.stdout.write(greeting())
            self.stdout.flush()
            supervisor.run()
        except ProcessError as error:
            raise CommandError(str(error)) from None
        finally:
            supervisor.stop()

    def _prepare(self, before: Callable[[], None] | None) -> None:
        if settings.CELERY_BROKER_URL.startswith("filesystem:"):
            (settings.DATA_DIR / "broker").mkdir(exist_ok=True)
        with one_sentence():
            call_command("migrate", verbosity=0)
            migrate()
        call_command("collectstatic", interactive=False, verbosity=0)
        if before:
            before()
