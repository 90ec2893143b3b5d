"""The preview of a month is what closing it at that moment gives, line by line; nothing is kept."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from billing.invoicing import draft_invoice, finalize_invoice
from billing.models import Invoice, InvoiceLine
from metering.models import Tenant
from tests.conftest import Events

Run = Callable[..., str]
Api = Callable[[Tenant], Client]
PLAN = """
plans:
  - code: pro
    currency: USD
    valid_from: 2026-01-01
    charges:
      - code: input-tokens
        meter: {type: agent.tokens, aggregation: sum, value: input_tokens, group_by: [model]}
        charge: {model: graduated, tiers: [{up_to: "1000", unit_amount: "0.01"}, {up_to: null, unit_amount: "0.005"}]}
      - {code: bursts, charge: {model: burst}}
tenants:
  - {slug: acme, name: Acme, timezone: Europe/Berlin, currency: USD, plan: pro, tax_percent: "19"}
contracts:
  - {tenant: acme, chip: p800, valid_from: 2026-10-01, baseline: "1", baseline_price: "0.000001", on_demand_price: "0.001", burst_tiers: [{up_to: null, unit_amount: "0.001"}], idle_factor: "0", cold_start_fee: "0"}
"""  # noqa: E501 - as an operator writes it


@pytest.fixture
def acme(store: None, apply: Run, send: Callable[..., Any], event: Events) -> Tenant:
    """October is invoiced; then come late events for it, and a part of November."""
    apply(PLAN)
    tenant = Tenant.objects.get(slug="acme")
    send(tenant, [event.tokens("2026-10-05T00:00:00Z", input_tokens=1500)])
    finalize_invoice(draft_invoice(tenant, "2026-10"))
    late = event.tokens("2026-10-31T00:00:00Z", input_tokens=100)
    chip = event.chip("2026-11-02T10:00:00Z", "2026-11-02T10:10:00Z", count="3")
    send(tenant, [late, chip, event.tokens("2026-11-03T00:00:00Z", "big", input_tokens=1200)])
    return tenant


def test_the_preview_is_the_draft_line_by_line(acme: Tenant, api: Api) -> None:
    previewed = api(acme).get("/api/v1/invoices/preview").json()
    # big: 1,000 at $0.01 and 200 at $0.005; p800: 1 chip for 30 days, 2 for 600 s above it;
    # correction: 100 more of October's second tier.
    amounts = [(line["code"], line["amount"]) for line in previewed["lines"]]
    assert ("input-tokens", "10.00") in amounts
    assert ("input-tokens", "1.00") in amounts
    assert ("bursts", "1.20") in amounts
    assert [line["amount"] for line in previewed["lines"] if line["correction"]] == ["0.50"]
    assert Invoice.objects.filter(status="draft").count() == 0
    draft = draft_invoice(acme, "2026-11")
    [row] = [r for r in api(acme).get("/api/v1/invoices").json()["rows"] if r["number"] is None]
    assert {name: previewed[name] for name in row} == row
    stored = InvoiceLine.objects.filter(invoice=draft).order_by("position")
    assert [
        (line["code"], line["description"], line["quantity"], line["amount"], line["period_start"])
        for line in previewed["lines"]
    ] == [
        (
            line.code,
            line.description,
            f"{line.quantity.normalize():f}",
            f"{line.amount:f}",
            line.period_start.isoformat().replace("+00:00", "Z"),
        )
        for line in stored
    ]


def test_a_finalized_month_is_its_invoice(acme: Tenant, api: Api) -> None:
    found = api(acme).get("/api/v1/invoices/preview?month=2026-10").json()
    assert found == api(acme).get(f"/api/v1/invoices/{found['number']}").json()
    assert found["status"] == "finalized"


@pytest.mark.parametrize(
    ("month", "status", "named"),
    [("2026-13", 400, "month"), ("x", 400, "month"), ("2026-12", 404, "has not begun")],
)
def test_what_is_no_month_that_has_begun_is_refused(
    acme: Tenant, api: Api, month: str, status: int, named: str
) -> None:
    answer = api(acme).get(f"/api/v1/invoices/preview?month={month}")
    assert answer.status_code == status
    assert named in answer.content.decode()


def test_a_tenant_without_a_plan_has_nothing_to_preview(tenant: Tenant, api: Api) -> None:
    answer = api(tenant).get("/api/v1/invoices/preview")
    assert answer.status_code == 404
    assert "no plan" in answer.json()["detail"]


def test_a_pdf_is_the_tenants_own(acme: Tenant, tenant: Tenant, api: Api) -> None:
    [number] = Invoice.objects.filter(tenant=acme).values_list("number", flat=True)
    answer = api(acme).get(f"/api/v1/invoices/{number}.pdf")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
    assert answer["Content-Disposition"] == f'inline; filename="acme-{number}.pdf"'
    assert answer.content.startswith(b"%PDF-1.7")
    assert api(tenant).get(f"/api/v1/invoices/{number}.pdf").status_code == 404
