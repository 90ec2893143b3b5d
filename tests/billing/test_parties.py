"""What an invoice says of seller and customer, and that it goes on saying it."""

from collections.abc import Callable
from datetime import date

import pytest
from django.conf import LazySettings
from django.core.management.base import CommandError
from django.db import IntegrityError, transaction

from billing.invoicing import draft_invoice, finalize_invoice
from billing.models import Invoice
from billing.parties import BillingDetails, due_date, frozen_parties, read_parties
from metering.models import Tenant

Run = Callable[..., str]
ACME = """
tenants:
  - slug: acme
    name: Acme
    currency: EUR
    plan: flat
    billing_name: Acme Robotics GmbH
    billing_address: "Hauptstraße 1\\n10115 Berlin\\nGermany"
    billing_email: finance@acme.example
    tax_id: DE123456789
    payment_days: 14
plans:
  - code: flat
    currency: EUR
    valid_from: 2026-01-01
    charges:
      - code: pages
        meter: {type: custom.pages, aggregation: sum, value: value}
        charge: {model: per_unit, unit_amount: "1"}
"""


def test_apply_sets_billing_details_and_says_so_once(store: None, apply: Run) -> None:
    assert "+ billing details of acme" in apply(ACME)
    assert apply(ACME) == "nothing to change\n"
    told = apply("tenants: [{slug: acme, tax_id: DE987654321, payment_days: null}]")
    changes = "tax_id DE123456789 → DE987654321, payment_days 14 → none"
    assert told == f"~ billing details of acme: {changes}\n"
    found = BillingDetails.objects.get(tenant__slug="acme")
    assert found.billing_address.splitlines()[1] == "10115 Berlin"


def test_a_wrong_detail_is_named(store: None, apply: Run) -> None:
    with pytest.raises(CommandError, match=r"tenants\[0\].billing_email"):
        apply("tenants: [{slug: acme, name: Acme, billing_email: nobody}]")
    with pytest.raises(CommandError, match=r"tenants\[0\].payment_days"):
        apply("tenants: [{slug: acme, name: Acme, payment_days: 366}]")


def test_an_invoice_keeps_the_parties_that_it_was_finalized_with(
    store: None, apply: Run, settings: LazySettings
) -> None:
    settings.SELLER_NAME = "Agents AG"
    apply(ACME)
    tenant = Tenant.objects.get(slug="acme")
    invoice = finalize_invoice(draft_invoice(tenant, "2026-10"))
    settings.SELLER_NAME = "Agents SE"
    apply("tenants: [{slug: acme, billing_name: Acme SE}]")
    kept = frozen_parties(tenant, Invoice.objects.get(pk=invoice.pk).parties)
    assert (kept.seller.name, kept.customer.name) == ("Agents AG", "Acme Robotics GmbH")
    assert read_parties(tenant).customer.name == "Acme SE"
    with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
        Invoice.objects.filter(pk=invoice.pk).update(parties={})


def test_payment_is_due_after_the_tenants_days_or_those_of_the_installation(
    store: None, apply: Run, settings: LazySettings
) -> None:
    settings.PAYMENT_DAYS = 30
    apply(ACME)
    tenant = Tenant.objects.get(slug="acme")
    # 14 days after 24 November, and 30 where nothing was agreed on
    assert due_date(date(2026, 11, 24), read_parties(tenant)) == date(2026, 12, 8)
    apply("tenants: [{slug: acme, payment_days: null}]")
    assert due_date(date(2026, 11, 24), read_parties(tenant)) == date(2026, 12, 24)
