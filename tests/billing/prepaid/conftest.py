"""Tenants that owe a known sum, and credit to pay it with."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from billing.finalizing import finalize_written
from billing.models import Invoice
from billing.prepaid.granting import TopUp, grant
from billing.prepaid.models import CreditGrant
from metering.models import Tenant

Draft = Callable[..., Invoice]
Finalize = Callable[[Invoice], Invoice]
Give = Callable[..., CreditGrant]


@pytest.fixture
def ada(db: None) -> Tenant:
    return Tenant.objects.create(slug="ada", name="Ada")


@pytest.fixture
def draft() -> Draft:
    """A draft of a total: `draft(ada, "12.50", "2026-09")`."""

    def make(tenant: Tenant, total: str, month: str = "2026-10", currency: str = "USD") -> Invoice:
        first = date.fromisoformat(f"{month}-01")
        start = datetime(first.year, first.month, 1, tzinfo=UTC)
        following = (start + timedelta(days=31)).replace(day=1)
        return Invoice.objects.create(
            tenant=tenant,
            month=first,
            kind="credit_note" if total.startswith("-") else "invoice",
            currency=currency,
            period_start=start,
            period_end=following,
            tax_percent=Decimal(0),
            subtotal=Decimal(total),
            tax=Decimal(0),
            total=Decimal(total),
            watermark=start,
            snapshot={},
        )

    return make


@pytest.fixture
def finalize() -> Finalize:
    """Through the one place where a draft becomes an invoice."""

    def run(invoice: Invoice) -> Invoice:
        with transaction.atomic():
            finalize_written([invoice])
        invoice.refresh_from_db()
        return invoice

    return run


@pytest.fixture
def give() -> Give:
    """A grant in force from 2026-01-01: `give(ada, "50.00", expires_at=…)`."""

    def run(tenant: Tenant, amount: str, key: str = "first", **more: object) -> CreditGrant:
        usual = {"currency": "USD", "effective_at": datetime(2026, 1, 1, tzinfo=UTC)}
        made, _ = grant(tenant, TopUp(key=key, amount=Decimal(amount), **(usual | more)))  # type: ignore[arg-type]
        return made

    return run
