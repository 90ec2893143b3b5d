"""A month closed with credit, by command and API alone: from an order to the invoice it pays."""

from collections.abc import Callable

import pytest
from django.core.management.base import CommandError
from django.test import Client

from billing.models import Invoice
from metering.models import Tenant

Run = Callable[..., str]
Api = Callable[[Tenant], Client]
# A baseline is owed without any event: 31 days × 86,400 s × 0.001 = 2,678.40 for October.
CONFIGURATION = """
plans: [{code: chips, currency: USD, valid_from: 2026-10-01, charges: [{code: bursts, charge: {model: burst}}]}]
tenants: [{slug: ada, plan: chips, tax_percent: "10"}]
contracts:
  - {tenant: ada, chip: p800, valid_from: 2026-10-01, baseline: "1", baseline_price: "0.001", on_demand_price: "0.001", burst_tiers: [{up_to: null, unit_amount: "1"}], idle_factor: "0", cold_start_fee: "0"}
"""  # noqa: E501 - a contract a line


@pytest.mark.usefixtures("store")
def test_credit_pays_the_total_with_tax_and_the_invoice_is_still_proved(
    apply: Run, manage: Run, api: Api
) -> None:
    apply(CONFIGURATION)
    ada = Tenant.objects.get(slug="ada")
    for words in (("--amount", "2500", "--key", "order-1"), ("--amount", "500", "--key", "gift")):
        manage("grant_credits", "--tenant", "ada", *words, "--effective", "2026-10-01")
    manage("close_month", "2026-10")
    [draft] = api(ada).get("/api/v1/invoices").json()["rows"]
    # 2,678.40 and 10 % of it: all of it can be paid, and nothing is drawn yet.
    assert (draft["total"], draft["credits_applied"], draft["amount_due"]) == (
        "2946.24",
        "2946.24",
        "0.00",
    )
    assert "ada  3000.00 USD, 3000.00 available" in manage("credits")
    manage("credits", "--tenant", "ada", "--withdraw", "gift")
    manage("close_month", "2026-10", "--finalize")
    invoice = api(ada).get("/api/v1/invoices/INV-2026-000001").json()
    assert (invoice["total"], invoice["credits_applied"], invoice["amount_due"]) == (
        "2946.24",
        "2500.00",
        "446.24",
    )
    assert "is right to the cent" in manage("verify_invoice", "INV-2026-000001")
    manage("close_month", "2026-10", "--finalize")
    assert Invoice.objects.count() == 1
    assert "ada  0.00 USD, 0.00 available" in manage("credits")
    # Void, it gives back what it drew; the one in its place draws it again.
    manage("invoice", "INV-2026-000001", "--void", "wrong address")
    assert "ada  2500.00 USD, 2500.00 available" in manage("credits")
    manage("close_month", "2026-10", "--finalize")
    rows = api(ada).get("/api/v1/invoices").json()["rows"]
    assert sorted((r["number"], r["credits_applied"], r["amount_remaining"]) for r in rows) == [
        ("INV-2026-000001", "2500.00", "0.00"),
        ("INV-2026-000002", "2500.00", "446.24"),
    ]
    assert "adds up" in manage("credits", "--verify")
    with pytest.raises(CommandError, match="there are 0 grants"):
        manage("credits", "--tenant", "ada", "--withdraw", "order-9")
