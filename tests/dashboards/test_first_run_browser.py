"""The first run: a key made on the page, its examples run as they are, the event seen arriving."""

import os
import shutil
import subprocess
import sys
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from dashboards.models import Membership
from metering.models import Tenant
from tests.dashboards.test_browser import PASSWORD, Visitor, browser, server
from tests.dashboards.test_invoice_browser import serious

__all__ = ["browser", "server"]
pytestmark = pytest.mark.browser


@pytest.fixture
def alice(server: str, store: None, django_user_model: Any, browser: Browser) -> Visitor:
    """The owner of a tenant without an event, on a phone, at the page of keys."""
    tenant = Tenant.objects.create(slug="acme", name="Acme")
    user = django_user_model.objects.create_user("alice", password=PASSWORD)
    Membership.objects.create(user=user, tenant=tenant, role="owner")
    size = {"width": 390, "height": 844}
    visitor = Visitor(browser, server, viewport=size, is_mobile=True, has_touch=True)
    visitor.page.goto(f"{server}/login/?next=/keys/")
    visitor.page.get_by_label("Name").fill("alice")
    visitor.page.get_by_label("Password").fill(PASSWORD)
    visitor.page.get_by_role("button", name="Log in").click()
    return visitor


def example(visitor: Visitor, name: str) -> str:
    block = visitor.page.locator("details.example", has_text=name)
    if block.get_attribute("open") is None:
        block.locator("summary").click()
    return block.locator("code").inner_text()


def run(command: list[str]) -> str:
    """As somebody pastes it, without whatever proxy this machine has."""
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_first_event_is_seen_without_a_reload(alice: Visitor) -> None:
    page = alice.page
    expect(page.get_by_role("status")).to_contain_text("Nothing came within a day")
    page.get_by_role("button", name="Make a key").click()
    expect(page.locator("#new-key")).to_contain_text("dbk_")
    assert alice.value("document.documentElement.scrollWidth") == 390
    if shutil.which("curl") is None:
        pytest.skip("there is no curl to paste the example into")
    assert "204 No Content" in run(["bash", "-c", example(alice, "curl")])
    # Nothing is clicked: the page asks by itself.
    expect(page.locator("#arrived")).to_contain_text("1 event arrived", timeout=10_000)
    # The same event by another client is the same event.
    run([sys.executable, "-c", example(alice, "OpenMeter")])
    page.goto(f"{alice.base}/keys/")
    expect(page.locator("#arrived")).to_contain_text("and 1 again")
    assert alice.complaints == []


def test_axe_finds_nothing_serious_on_the_page_of_keys(alice: Visitor, browser: Browser) -> None:
    cookies: Any = alice.page.context.cookies()
    visitor = Visitor(browser, alice.base, bypass_csp=True, viewport={"width": 390, "height": 844})
    visitor.page.context.add_cookies(cookies)
    visitor.page.goto(f"{alice.base}/keys/")
    visitor.page.get_by_role("button", name="Make a key").click()
    assert serious(visitor.page) == []
