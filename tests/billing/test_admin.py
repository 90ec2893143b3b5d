"""The operator looks at invoices and changes none."""

from datetime import date

import pytest
from django.test import Client

from billing.models import Charge, Plan, PlanVersion
from metering.models import Tenant
from tests.billing.test_immutable import make_draft


@pytest.mark.django_db
def test_an_operator_sees_an_invoice_with_its_lines_and_cannot_change_it(
    admin_client: Client,
) -> None:
    invoice = make_draft(Tenant.objects.create(slug="acme", name="Acme"))
    page = admin_client.get(f"/admin/billing/invoice/{invoice.pk}/change/")
    assert page.status_code == 200
    assert b"Calls" in page.content
    assert admin_client.get("/admin/billing/invoice/").status_code == 200
    refused = admin_client.post(f"/admin/billing/invoice/{invoice.pk}/change/", {"total": "0"})
    assert refused.status_code == 403
    for model in ("plan", "charge", "tokenprice", "burstcontract", "subscription"):
        assert admin_client.get(f"/admin/billing/{model}/add/").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("charge", "meter", "said"),
    [
        ('{"model": "per_unit"}', '{"metric": "cost"}', "charge.unit_amount: is missing"),
        ('{"model": "burst"}', '{"metric": "cost"}', "meter: the contracts of a burst charge"),
        ('{"model": "dynamic"}', '{"metric": "luck"}', "is not one of delivering_agent_days"),
    ],
)
def test_a_charge_edited_by_hand_is_checked_as_a_file_is(
    admin_client: Client, charge: str, meter: str, said: str
) -> None:
    plan = Plan.objects.create(code="pro", currency="USD")
    version = PlanVersion.objects.create(plan=plan, valid_from=date(2026, 1, 1))
    fields = {"version": version.pk, "position": 1, "code": "c", "charge": charge, "meter": meter}
    page = admin_client.post("/admin/billing/charge/add/", fields)
    assert page.status_code == 200
    assert said in page.content.decode()
    assert not Charge.objects.exists()
