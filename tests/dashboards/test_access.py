"""Alice owns acme, Bob is on her team, Charlie belongs elsewhere and must see nothing."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from billing.invoicing import draft_invoice, finalize_invoice
from billing.models import Invoice
from dashboards.models import Membership
from metering.models import Tenant
from tests.dashboards.conftest import logged_in, member


@pytest.fixture
def invoice(worked: Tenant) -> Invoice:
    return finalize_invoice(draft_invoice(worked, "2026-10"))


@pytest.mark.parametrize("page", ["/", "/invoices/", "/invoices/INV-2026-000001/"])
def test_a_stranger_is_sent_to_log_in_and_back(client: Client, db: None, page: str) -> None:
    response = client.get(page)
    assert response.status_code == 302
    assert response["Location"] == f"/login/?next={page}"


def test_every_role_may_look(alice: Client, bob: Client, invoice: Invoice) -> None:
    for person in (alice, bob):
        for page in ("/", "/invoices/", f"/invoices/{invoice.number}/"):
            assert person.get(page).status_code == 200


@pytest.mark.parametrize("page", ["/invoices/{}/", "/invoices/{}/lines.csv"])
def test_a_foreign_invoice_does_not_exist(
    alice: Client, charlie: Client, invoice: Invoice, page: str
) -> None:
    assert alice.get(page.format(invoice.number)).status_code == 200
    foreign = charlie.get(page.format(invoice.number))
    unknown = charlie.get(page.format("INV-2026-999999"))
    assert (foreign.status_code, unknown.status_code) == (404, 404)
    assert foreign.content.replace(str(invoice.number).encode(), b"") == unknown.content.replace(
        b"INV-2026-999999", b""
    )


def test_a_foreign_tenant_cannot_be_chosen(alice: Client, charlie: Client, worked: Tenant) -> None:
    assert alice.get("/?tenant=acme&month=2026-10").status_code == 200
    for page in ("/?tenant=acme", "/invoices/?tenant=acme", "/?tenant=nobody", "/?tenant=%00"):
        assert charlie.get(page).status_code == 404


def test_nothing_of_another_tenant_stands_on_a_page(charlie: Client, invoice: Invoice) -> None:
    for page in ("/?month=2026-10", "/invoices/"):
        text = charlie.get(page).content.decode()
        assert "Zenith" in text
        assert "acme" not in text.lower()
        assert str(invoice.number) not in text


def test_drafts_of_others_are_not_found_by_their_month(charlie: Client, worked: Tenant) -> None:
    draft_invoice(worked, "2026-10")
    assert charlie.get("/invoices/draft-2026-10/").status_code == 404


def test_somebody_without_a_tenant_sees_none(worked: Tenant) -> None:
    dave = logged_in(User.objects.create(username="dave"))
    assert dave.get("/").status_code == 403


def test_a_membership_taken_away_ends_at_once(alice: Client, worked: Tenant) -> None:
    assert alice.get("/").status_code == 200
    Membership.objects.all().delete()
    assert alice.get("/").status_code == 403


def test_who_has_several_tenants_switches_and_stays(worked: Tenant, other: Tenant) -> None:
    member("erin", worked)
    erin = member("erin", other)
    assert "Zenith" in (switcher := erin.get("/?tenant=acme").content.decode())
    assert "?tenant=zenith" in switcher
    assert erin.get("/invoices/").context["tenant"] == worked
    assert erin.get("/?tenant=zenith").context["tenant"] == other


def test_staff_see_every_tenant_and_the_way_to_the_administration(
    staff: Client, alice: Client, worked: Tenant, other: Tenant
) -> None:
    page = staff.get("/?tenant=zenith")
    assert page.context["tenant"] == other
    assert "/admin/" in page.content.decode()
    assert "/admin/" not in alice.get("/").content.decode()


def test_logging_out_takes_a_post(alice: Client) -> None:
    assert alice.get("/logout/").status_code == 405
    assert alice.post("/logout/")["Location"] == "/login/"
    assert alice.get("/").status_code == 302


def test_logging_in_leads_to_the_overview(client: Client, acme: Tenant) -> None:
    user = User.objects.create_user("frank", password="a long enough secret")
    Membership.objects.create(user=user, tenant=acme)
    wrong = client.post("/login/", {"username": "frank", "password": "wrong"})
    assert wrong.status_code == 200
    assert "That name and password do not go together" in wrong.content.decode()
    right = client.post("/login/", {"username": "frank", "password": "a long enough secret"})
    assert (right.status_code, right["Location"]) == (302, "/")
