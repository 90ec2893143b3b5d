"""The operator's administration: Alice is of the operator's staff, Bob is a tenant's member."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from billing.forms.contract_form import ContractForm
from billing.models import (
    BurstContract,
    Charge,
    Invoice,
    Plan,
    PlanVersion,
    Subscription,
    TokenPrice,
)
from billing.parties import read_parties
from metering.models import AuditEntry, Tenant
from tests.billing.charges import sent
from tests.billing.test_charge_form import CALLS, GRADUATED, shown
from tests.billing.test_immutable import make_draft

pytestmark = pytest.mark.django_db
PREVIEW = "/admin/billing/charge/preview/"
CONTRACT_PREVIEW = "/admin/billing/burstcontract/preview/"
CONTRACT: dict[str, Any] = {
    "baseline": "2",
    "baseline_price": "0.0003",
    "on_demand_price": "0.0006",
    "burst_tiers": [{"up_to": None, "unit_amount": "0.001"}],
    "idle_factor": "0.1",
    "cold_start_fee": "0",
    "credit_accrual": "0",
    "credit_cap": "0",
}


def logged_in(name: str, **rights: bool) -> Client:
    client = Client()
    client.force_login(User.objects.create(username=name, **rights))
    return client


@pytest.fixture
def alice() -> Client:
    return logged_in("alice", is_staff=True, is_superuser=True)


@pytest.fixture
def bob() -> Client:
    return logged_in("bob")


@pytest.fixture
def charge() -> Charge:
    plan = Plan.objects.create(code="pro", currency="JPY")
    version = PlanVersion.objects.create(plan=plan, valid_from=date(2026, 1, 1))
    return Charge.objects.create(
        version=version, position=1, code="calls", charge=GRADUATED, meter=CALLS
    )


@pytest.fixture
def acme() -> Tenant:
    return Tenant.objects.create(slug="acme", name="Acme")


def form_of(charge: Charge, **changes: str) -> dict[str, Any]:
    found = sent(shown(charge.version, charge.charge, charge.meter))
    return found | {"code": charge.code} | changes


def test_alice_finds_every_list_and_form_and_bob_none(
    alice: Client, bob: Client, charge: Charge, acme: Tenant
) -> None:
    Subscription.objects.create(tenant=acme, plan=Plan.objects.create(code="usd", currency="USD"))
    index = alice.get("/admin/").content.decode()
    for heading in ("Tenants", "What is charged", "What it costs", "Bills and payments"):
        assert heading in index
    for model in (
        "plan",
        "planversion",
        "charge",
        "tokenprice",
        "chipprice",
        "toolprice",
        "burstcontract",
        "subscription",
    ):
        for page in (f"/admin/billing/{model}/", f"/admin/billing/{model}/add/"):
            assert alice.get(page).status_code == 200, page
            assert bob.get(page)["Location"].startswith("/admin/login/")
    for page in ("/admin/metering/tenant/", f"/admin/metering/tenant/{acme.pk}/change/"):
        assert alice.get(page).status_code == 200, page
    assert b"usd" in alice.get("/admin/metering/tenant/").content


def test_an_operator_sees_an_invoice_with_its_lines_and_cannot_change_it(
    alice: Client, acme: Tenant
) -> None:
    invoice = make_draft(acme)
    page = alice.get(f"/admin/billing/invoice/{invoice.pk}/change/")
    assert page.status_code == 200
    assert b"Calls" in page.content
    assert alice.get("/admin/billing/invoice/").status_code == 200
    refused = alice.post(f"/admin/billing/invoice/{invoice.pk}/change/", {"total": "0"})
    assert refused.status_code == 403


def test_a_charge_is_changed_as_a_form_and_the_history_says_what_it_was(
    alice: Client, charge: Charge
) -> None:
    url = f"/admin/billing/charge/{charge.pk}/change/"
    page = alice.get(url).content.decode()
    assert 'name="tiers-2-price" value="0.3"' in page
    assert "<textarea" not in page
    answer = alice.post(url, form_of(charge, **{"tiers-1-price": "0.45"}))
    assert answer.status_code == 302, answer.context["errors"]
    charge.refresh_from_db()
    assert charge.charge["tiers"][1]["unit_amount"] == "0.45"
    said = "tiers[1].unit_amount 0.4 → 0.45"
    assert said in LogEntry.objects.get().get_change_message()
    entry = AuditEntry.objects.get(action="charge.changed")
    assert (entry.actor, entry.details) == ("user alice", {"changes": said})


def test_a_wrong_tier_is_named_beside_its_field_and_nothing_is_saved(
    alice: Client, charge: Charge
) -> None:
    url = f"/admin/billing/charge/{charge.pk}/change/"
    page = alice.post(url, form_of(charge, **{"tiers-1-up_to": "90"})).content.decode()
    cell = page[page.index('name="tiers-1-up_to"') :]
    assert "must be above 100, where it begins" in cell[: cell.index("</td>")]
    assert "Tier 2, up to: must be above 100" in page
    charge.refresh_from_db()
    assert charge.charge == GRADUATED


def test_the_preview_is_rated_as_an_invoice_is(alice: Client, charge: Charge) -> None:
    # 100 × 0.5 + 21 × 0.4 = 58.4, which is 58 yen.
    found = alice.post(PREVIEW, form_of(charge) | {"quantity": "121"}).json()
    assert found["errors"] == {}
    for text in ("58 JPY", "exactly 58.4", "Tier 1: up to 100", "Tier 2: above 100 to 200"):
        assert text in found["html"]
    wrong = alice.post(PREVIEW, form_of(charge, **{"tiers-1-up_to": "90"}) | {"quantity": "121"})
    assert wrong.json()["errors"]["tiers-1-up_to"] == ["must be above 100, where it begins"]
    assert (
        "quantity: is not a decimal number"
        in (alice.post(PREVIEW, form_of(charge) | {"quantity": "lots"}).json()["html"])
    )


def test_a_preview_by_events_adds_them_up(alice: Client, charge: Charge) -> None:
    dynamic = form_of(charge, model="dynamic") | {"events": "10, 80.5"}
    assert "exactly 90.5" in alice.post(PREVIEW, dynamic).json()["html"]


def test_previews_are_for_staff_who_may_see_the_model(bob: Client, charge: Charge) -> None:
    carol = logged_in("carol", is_staff=True)
    viewer = logged_in("vera", is_staff=True)
    vera = User.objects.get(username="vera")
    vera.user_permissions.add(Permission.objects.get(codename="view_charge"))
    for page in (PREVIEW, CONTRACT_PREVIEW):
        assert bob.post(page, form_of(charge))["Location"].startswith("/admin/login/")
        assert carol.post(page, form_of(charge)).status_code == 403
    assert viewer.post(PREVIEW, form_of(charge)).status_code == 200
    seen = viewer.get(f"/admin/billing/charge/{charge.pk}/change/").content.decode()
    assert "graduated, 3 tiers from 0.5" in seen
    assert 'name="model"' not in seen


def test_a_version_that_was_invoiced_from_says_so(
    alice: Client, charge: Charge, acme: Tenant
) -> None:
    url = f"/admin/billing/planversion/{charge.version.pk}/change/"
    Subscription.objects.create(tenant=acme, plan=charge.version.plan)
    plans = [{"plan": "pro", "valid_from": "2026-01-01"}, {"plan": "x", "valid_from": "2026-01-01"}]
    invoice = make_draft(acme)
    invoice.snapshot = {"terms": {"plans": plans}}
    invoice.save()
    assert "made from this plan version" not in alice.get(url).content.decode()
    invoice.status, invoice.number = Invoice.Status.FINALIZED, "INV-2026-000001"
    invoice.save()
    assert "INV-2026-000001 was made from this plan version" in alice.get(url).content.decode()


def test_a_new_version_begins_with_the_charges_of_another(alice: Client, charge: Charge) -> None:
    plan, old = charge.version.plan, charge.version
    page = alice.get(f"/admin/billing/planversion/add/?plan={plan.pk}")
    data = page.context["adminform"].form.initial
    fields = {name: value for name, value in data.items() if value is not None}
    fields |= {"plan": plan.pk, "valid_from": "2026-07-01", "copy_of": old.pk}
    management = {"charges-TOTAL_FORMS": 0, "charges-INITIAL_FORMS": 0}
    answer = alice.post("/admin/billing/planversion/add/", fields | management)
    assert answer.status_code == 302, answer.context["errors"]
    new = plan.versions.get(valid_from="2026-07-01")
    assert [(c.code, c.charge, c.meter) for c in new.charges.all()] == [("calls", GRADUATED, CALLS)]


def contract_form(tenant: Tenant, **changes: str) -> dict[str, Any]:
    contract = BurstContract(
        pk=1, tenant=tenant, chip="p800", valid_from=date(2026, 1, 1), **CONTRACT
    )
    return sent(ContractForm(instance=contract)) | changes


def test_a_contract_is_a_form_whose_errors_find_their_tier(alice: Client, acme: Tenant) -> None:
    url = "/admin/billing/burstcontract/add/"
    wrong = alice.post(url, contract_form(acme, **{"tiers-0-up_to": "5"})).content.decode()
    assert "Tier 1, up to: must be null in the last tier" in wrong
    too_fine = alice.post(url, contract_form(acme, baseline="0.0000000000000000001"))
    assert "baseline" in too_fine.context["adminform"].form.errors
    answer = alice.post(url, contract_form(acme, credit_cap=""))
    assert answer.status_code == 302, answer.context["errors"]
    made = BurstContract.objects.get()
    assert made.burst_tiers == CONTRACT["burst_tiers"]
    assert (made.credit_cap, f"{made.on_demand_price}") == (Decimal(0), "0.0006")


def test_a_contract_shows_what_an_example_month_would_cost(alice: Client, acme: Tenant) -> None:
    # 2 chips × 2,592,000 s × 0.0003 = 1,555.20; 6 chips above them for 600 s, once a day for 30
    # days: 108,000 chip-seconds × 0.001 = 108.
    example = {"chips": "8", "minutes": "10", "times_a_day": "1"}
    html = alice.post(CONTRACT_PREVIEW, contract_form(acme) | example).json()["html"]
    assert "1,663.20 USD" in html
    assert "108000" in html
    month = alice.post(CONTRACT_PREVIEW, contract_form(acme) | {"month": "2026-13"}).json()
    assert "problem" in month["html"]


def test_a_tenant_and_its_plan_have_one_currency(
    alice: Client, charge: Charge, acme: Tenant
) -> None:
    fields = {"tenant": acme.pk, "plan": charge.version.plan.pk, "valid_from": "2026-01-01"}
    page = alice.post("/admin/billing/subscription/add/", fields)
    assert page.context["adminform"].form.errors == {"plan": ["is in JPY, but acme in USD"]}


def test_a_price_has_at_least_one_class_and_free_is_zero(alice: Client) -> None:
    fields = {"model": "m", "valid_from": "2026-01-01", "modality": "text", "currency": "USD"}
    fields |= {"above_prompt_tokens": "0", "per": "1000000"}
    page = alice.post("/admin/billing/tokenprice/add/", fields)
    assert "is missing" in page.context["adminform"].form.errors["input"][0]
    assert alice.post("/admin/billing/tokenprice/add/", fields | {"input": "0"}).status_code == 302
    price = TokenPrice.objects.get()
    assert (price.input, price.output) == (Decimal(0), None)


def test_a_tenant_is_never_deleted(alice: Client, acme: Tenant) -> None:
    assert alice.post(f"/admin/metering/tenant/{acme.pk}/delete/").status_code == 403
    assert Tenant.objects.filter(pk=acme.pk).exists()


def test_every_model_has_a_list_and_what_is_only_added_to_takes_no_change(
    alice: Client, charge: Charge
) -> None:
    looked_at = {"Payment", "InvoiceChange", "CreditGrant", "CreditMovement", "AuditEntry"}
    for model in site._registry:
        name = f"{model._meta.app_label}/{model._meta.model_name}"
        assert alice.get(f"/admin/{name}/").status_code == 200, name
        if model.__name__ in looked_at:
            assert alice.get(f"/admin/{name}/add/").status_code == 403, name
            looked_at.remove(model.__name__)
    assert not looked_at


def test_a_tenant_is_made_by_form_with_what_its_invoices_say(alice: Client) -> None:
    empty = {
        f"{prefix}-{name}": "0"
        for prefix in ("billing", "subscriptions", "contracts")
        for name in ("TOTAL_FORMS", "INITIAL_FORMS")
    }
    tenant = {"slug": "new", "name": "New", "timezone": "UTC", "currency": "EUR", "tax_percent": 0}
    details = {"billing-TOTAL_FORMS": "1", "billing-0-billing_name": "New GmbH"}
    answer = alice.post("/admin/metering/tenant/add/", empty | tenant | details)
    assert answer.status_code == 302, answer.context["errors"]
    assert read_parties(Tenant.objects.get(slug="new")).customer.name == "New GmbH"
