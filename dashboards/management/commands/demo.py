"""`manage.py demo`."""

from typing import Any

from dashboards.demo.fill import fill, is_filled, log_ins
from dashboards.management.commands.up import Command as Up
from metering.commands import one_sentence


class Command(Up):
    help = "As `up`, after filling an empty installation with a believable month of four tenants."

    def handle(self, *args: Any, **options: Any) -> None:
        self.serve(options["host"], options["port"], before=self._fill, greeting=self._greeting)

    def _fill(self) -> None:
        with one_sentence():
            if is_filled():
                self.stdout.write("This installation is filled already; nothing is added.")
            else:
                fill()
            log_ins()

    def _greeting(self) -> str:
        lines = [f"  {name:12} {password}" for name, password in log_ins().items()]
        return "\n".join(["Log in as one of (user, password):", *lines])
