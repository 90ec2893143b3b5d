"""A graduated charge edited in a real browser: rows, the live preview, and an error in tier 2."""

from collections.abc import Iterator
from datetime import date

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, expect

from billing.models import Charge, Plan, PlanVersion
from tests.dashboards.test_browser import PASSWORD, Visitor, browser, server

__all__ = ["browser", "server"]
pytestmark = pytest.mark.browser

CHARGE = {
    "model": "graduated",
    "tiers": [
        {"up_to": "100", "unit_amount": "0.5"},
        {"up_to": None, "unit_amount": "0.4"},
    ],
}
METER = {"type": "agent.tokens", "aggregation": "count"}


@pytest.fixture
def charge(transactional_db: None) -> Charge:
    plan = Plan.objects.create(code="pro", currency="USD")
    version = PlanVersion.objects.create(plan=plan, valid_from=date(2026, 1, 1))
    return Charge.objects.create(
        version=version, position=1, code="calls", charge=CHARGE, meter=METER
    )


@pytest.fixture
def alice(server: str, charge: Charge, browser: Browser) -> Iterator[Visitor]:
    """Alice of the operator's staff, at the form of the charge."""
    User.objects.create_superuser("alice", password=PASSWORD)
    visitor = Visitor(browser, server, viewport={"width": 1300, "height": 900})
    visitor.page.goto(f"{server}/admin/login/?next=/admin/billing/charge/{charge.pk}/change/")
    visitor.page.get_by_label("Username").fill("alice")
    visitor.page.get_by_label("Password").fill(PASSWORD)
    visitor.page.get_by_role("button", name="Log in").click()
    yield visitor
    assert visitor.complaints == []


def test_a_graduated_charge_is_edited_with_a_live_preview(alice: Visitor, charge: Charge) -> None:
    page = alice.page
    preview = page.locator("[data-preview]")
    # 100 × 0.5 + 21 × 0.4
    expect(preview).to_contain_text("58.40 USD")
    # Only what the model and the meter have is shown.
    expect(page.get_by_label("Package size")).to_be_hidden()
    expect(page.get_by_label("Of", exact=False).first).to_be_hidden()

    page.get_by_role("button", name="Add a tier").click()
    expect(page.get_by_label("tier 2, up to")).to_be_focused()
    page.keyboard.type("90")
    page.get_by_label("tier 2, price").fill("0.45")
    row = page.locator("[data-rows=tiers] [data-row]").nth(1)
    expect(row).to_contain_text("must be above 100, where it begins")
    expect(preview).to_contain_text("Tier 2, up to")

    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".errornote")).to_be_visible()
    wrong = page.locator("[data-rows=tiers] [data-row]").nth(1).locator(".errorlist")
    expect(wrong).to_have_text("must be above 100, where it begins")
    charge.refresh_from_db()
    assert charge.charge == CHARGE

    page.get_by_label("tier 2, up to").fill("110")
    # 100 × 0.5 + 10 × 0.45 + 11 × 0.4
    expect(preview).to_contain_text("58.90 USD")
    page.get_by_label("Quantity", exact=True).fill("101")
    expect(preview).to_contain_text("50.45 USD")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist")).to_contain_text("was changed successfully")
    charge.refresh_from_db()
    assert [tier["up_to"] for tier in charge.charge["tiers"]] == ["100", "110", None]


def test_another_model_shows_its_own_fields_and_a_row_goes_away(alice: Visitor) -> None:
    page = alice.page
    page.get_by_role("button", name="Remove tier 1").click()
    expect(page.locator("[data-rows=tiers] [data-row]")).to_have_count(1)
    # All 121 at 0.4
    expect(page.locator("[data-preview]")).to_contain_text("48.40 USD")
    page.get_by_label("Model", exact=False).first.select_option("package")
    expect(page.locator("[data-rows=tiers]")).to_be_hidden()
    page.get_by_label("Package size").fill("50")
    page.get_by_label("Package amount").fill("2")
    # 121 need three packages.
    expect(page.locator("[data-preview]")).to_contain_text("6.00 USD")
