"""Run on a database of its own: kills who finalizes an invoice, then draws in many threads."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from threading import Barrier
from typing import Any

import django

django.setup()

from django.db import connection, transaction  # noqa: E402 - Django's settings come first

from billing.finalizing import finalize_written  # noqa: E402
from billing.models import Invoice  # noqa: E402
from billing.prepaid.booking import give_back  # noqa: E402
from billing.prepaid.granting import TopUp, grant  # noqa: E402
from billing.prepaid.models import CreditMovement  # noqa: E402
from billing.prepaid.queries import balances, broken  # noqa: E402
from metering.models import Tenant  # noqa: E402
from tests.killing import killed_at_every_statement  # noqa: E402

WORKERS = 8
START = datetime(2025, 1, 1, tzinfo=UTC)


def tenant(slug: str) -> Tenant:
    return Tenant.objects.create(slug=slug, name=slug)


def draft(owner: Tenant, n: int, total: str) -> Invoice:
    return Invoice.objects.create(
        tenant=owner,
        month=date(2025, 1 + n, 1),
        currency="USD",
        period_start=START,
        period_end=START,
        tax_percent=Decimal(0),
        subtotal=Decimal(total),
        tax=Decimal(0),
        total=Decimal(total),
        watermark=START,
        snapshot={},
    )


def top_up(owner: Tenant, key: str, amount: str) -> None:
    grant(owner, TopUp(key=key, amount=Decimal(amount), currency="USD", effective_at=START))


def finalize(invoice: Invoice) -> None:
    with transaction.atomic():
        finalize_written([invoice])


def all_at_once(act: Callable[[Any], object], arguments: Sequence[Any]) -> None:
    start = Barrier(len(arguments))

    def run(argument: Any) -> None:
        try:
            start.wait()
            act(argument)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(arguments)) as pool:
        list(pool.map(run, arguments))


def at_once() -> None:
    """Eight invoices of 10.00 and 35.00 of credit; each topped up and given back eight times."""
    ada = tenant("ada")
    all_at_once(lambda _: top_up(ada, "order-1", "20.00"), [None] * WORKERS)
    all_at_once(lambda n: top_up(ada, f"order-{n}", "5.00"), [2, 3, 4])
    invoices = [draft(ada, n, "10.00") for n in range(WORKERS)]
    all_at_once(finalize, invoices)
    applied = sorted(ada.invoices.values_list("credits_applied", flat=True))
    # 35.00 pays three and a half invoices, whoever comes first.
    assert applied == [Decimal(0)] * 4 + [Decimal("5.00")] + [Decimal("10.00")] * 3, applied
    assert ada.credit_grants.count() == 4
    check(ada, "0.00")
    paid = next(one for one in ada.invoices.all() if one.credits_applied == Decimal("5.00"))
    ada.invoices.filter(pk=paid.pk).update(status="void")
    all_at_once(lambda _: give_back(paid), [None] * WORKERS)
    check(ada, "5.00")


def killed() -> None:
    """Either the invoice is final and the draw is booked, or neither."""
    bob = tenant("bob")
    top_up(bob, "order-1", "4.00")
    top_up(bob, "order-2", "30.00")
    invoice = draft(bob, 0, "10.00")
    for _ in killed_at_every_statement(lambda: finalize(invoice)):
        now = bob.invoices.get()
        drawn = CreditMovement.objects.filter(kind="drawn").count()
        assert (now.status, now.number, drawn) in {
            ("draft", None, 0),
            ("finalized", "INV-2025-000001", 2),
        }
        check(bob, "34.00" if now.status == "draft" else "24.00")
    assert bob.invoices.get().status == "finalized"


def check(owner: Tenant, balance: str) -> None:
    [found] = balances(owner)
    assert found.balance == Decimal(balance), found
    assert list(broken(owner)) == []


if __name__ == "__main__":
    killed()
    at_once()
