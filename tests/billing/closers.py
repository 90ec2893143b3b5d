"""Run on a database of its own: closes a month as a command and as a task does, and is killed."""

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - Django's settings come first
from django.db import connection as database  # noqa: E402

from billing.closing_run import ClosingRun  # noqa: E402
from billing.closing_runs import ask  # noqa: E402
from billing.invoicing import close_month  # noqa: E402
from billing.models import Invoice  # noqa: E402
from billing.tasks import work_on_closing_run  # noqa: E402
from metering.clickhouse import connection as store  # noqa: E402
from metering.models import Tenant  # noqa: E402
from tests.killing import killed_at_every_statement  # noqa: E402

TENANTS = 5
# Owed without any event: the store has nothing of these tenants.
PLAN = """
plans:
  - code: flat
    currency: USD
    valid_from: 2025-01-01
    charges:
      - {code: calls, meter: {type: agent.tokens, aggregation: count}, charge: {model: per_unit, unit_amount: "1", minimum_amount: "10"}}
tenants:
"""  # noqa: E501 - a charge a line


def prepare() -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        tenants = "".join(f"  - {{slug: t{n}, plan: flat}}\n" for n in range(TENANTS))
        file.write(PLAN + tenants)
        file.flush()
        call_command("apply", file.name)
    ask(date(2025, 1, 1), finalize=True, asked_by="user olga")


def task() -> None:
    """As it is delivered to a worker."""
    work_on_closing_run(ClosingRun.objects.get().pk)


def check() -> None:
    """One invoice a tenant, and numbers without a gap."""
    numbers = sorted(str(invoice.number) for invoice in Invoice.objects.all())
    assert numbers == [f"INV-2025-{n:06d}" for n in range(1, TENANTS + 1)], numbers
    assert Invoice.objects.values("tenant").distinct().count() == TENANTS
    assert all(map(whole, Invoice.objects.all()))


def whole(invoice: Invoice) -> bool:
    """Numbered, and with all of its lines."""
    amounts = [line.amount for line in invoice.lines.all()]
    return invoice.status == "finalized" and f"{sum(amounts):f}" == "10.00"


def killed() -> None:
    """Before and after every statement to the database, and then every one to the store."""
    for month, wrap in (("2025-02", database.execute_wrapper), ("2025-03", store_wrapper)):
        before = Invoice.objects.exclude(number=None).count()
        for _ in killed_at_every_statement(partial(close, month), 400, wrap):
            done = Invoice.objects.filter(month=f"{month}-01")
            # A chunk of two is written whole or not at all, and so is its numbering.
            assert done.count() in {0, 2, 4, TENANTS}
            assert all(map(whole, done))
            numbers = sorted(filter(None, Invoice.objects.values_list("number", flat=True)))
            assert numbers == [f"INV-2025-{n:06d}" for n in range(1, before + done.count() + 1)]
        assert Invoice.objects.filter(month=f"{month}-01").count() == TENANTS


def close(month: str) -> None:
    list(close_month(month, Tenant.objects.all(), finalize=True, chunk=2))


@contextmanager
def store_wrapper(wrapper: Callable[..., Any]) -> Iterator[None]:
    """What `execute_wrapper` is for the database."""
    execute = store._execute
    store._execute = lambda *words, **options: wrapper(lambda: execute(*words, **options))
    yield
    store._execute = execute


WORDS = {
    "prepare": prepare,
    "command": lambda: call_command("close_month", "2025-01", "--finalize"),
    "task": task,
    "check": check,
    "killed": killed,
}

if __name__ == "__main__":
    WORDS[sys.argv[1]]()
