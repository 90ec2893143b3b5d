"""The pages in a real browser: charts are drawn under the product's own content security policy."""

import os
import shutil
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.core.signals import request_finished
from playwright.sync_api import Browser, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from dashboards.models import Membership
from metering.clickhouse import connection
from metering.models import Tenant

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
NAMES = ("chromium", "chromium-browser", "google-chrome")
BAR = "#spend-by-day .barlayer .point path"


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    """The Chromium of this machine."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("CI has no Chromium; the pages must be seen in one")
        pytest.skip(f"none of {', '.join(NAMES)} is installed")
    # Playwright's loop runs in this thread, where Django would take us for a coroutine.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield found
        found.close()


class Visitor:
    """A page with what its console complained of and which hosts it asked."""

    def __init__(self, browser: Browser, base: str, **context: Any) -> None:
        self.base = base
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        self.page: Page = browser.new_context(**context).new_page()
        self.page.set_default_timeout(20_000)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console",
            lambda said: self.complaints.append(said.text) if said.type == "error" else None,
        )
        self.page.on("request", lambda asked: self.hosts.add(urlsplit(asked.url).netloc))

    def log_in(self, password: str = PASSWORD, page: str = "") -> None:
        self.page.goto(f"{self.base}/login/?next=/{page}%3Fmonth%3D2026-10")
        self.page.get_by_label("Name").fill("alice")
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Log in").click()

    def see_charts(self) -> None:
        # By locators alone: the policy would not let a string be evaluated.
        self.page.locator("[data-drawn]").nth(3).wait_for()

    def value(self, script: str) -> object:
        return self.page.evaluate(script)


def _disconnect(**_: object) -> None:
    connection.disconnect()


@pytest.fixture
def server(live_server: LiveServer) -> Iterator[str]:
    """The live server. It has a thread for each request, and each would leave a client behind."""
    request_finished.connect(_disconnect)
    yield live_server.url
    request_finished.disconnect(_disconnect)


@pytest.fixture
def password(worked: Tenant) -> None:
    """Alice can log in with one."""
    alice = User.objects.create_user("alice", password=PASSWORD)
    Membership.objects.create(user=alice, tenant=worked, role="owner")


@pytest.fixture
def desktop(server: str, password: None, browser: Browser) -> Visitor:
    return Visitor(browser, server, viewport={"width": 1400, "height": 1000})


@pytest.fixture
def phone(server: str, password: None, browser: Browser) -> Visitor:
    size = {"width": 390, "height": 844}
    return Visitor(browser, server, viewport=size, is_mobile=True, has_touch=True)


def test_whoever_logs_in_sees_every_chart_drawn_and_nothing_from_outside(desktop: Visitor) -> None:
    desktop.log_in()
    desktop.see_charts()
    assert desktop.page.get_by_role("heading", name="Overview").is_visible()
    # Three days with cost: the causes that are 0 have no bar to see, but each day has its place.
    assert desktop.page.locator(BAR).count() == 31 * 6
    assert desktop.page.locator("#chips-in-use .js-line").count() == 1
    assert "baseline 2" in desktop.page.locator("#chips-in-use").inner_text()
    assert "70 %" in desktop.page.locator("#hit-rate").inner_text()
    assert desktop.hosts == {urlsplit(desktop.base).netloc}
    assert desktop.complaints == []


def test_the_page_of_bursts_draws_its_charts_and_fits_a_phone(phone: Visitor) -> None:
    phone.log_in(page="bursts/")
    phone.page.locator("#paid[data-drawn]").wait_for()
    phone.page.locator("#baselines[data-drawn]").wait_for()
    # $7.16 as bursts, $3 without a baseline, $18 by the hour, $13,392 for the peak
    assert "$13,392.00" in phone.page.locator("#paid").inner_text()
    assert phone.page.locator("#baselines .points path").count() == 2
    assert phone.value("document.documentElement.scrollWidth") == 390
    assert phone.complaints == []


def test_a_wrong_password_is_said_and_the_name_stays(desktop: Visitor) -> None:
    desktop.log_in("not it")
    assert "do not go together" in desktop.page.get_by_role("alert").inner_text()
    assert desktop.page.get_by_label("Name").input_value() == "alice"


def test_a_phone_folds_the_navigation_and_never_scrolls_sideways(phone: Visitor) -> None:
    phone.log_in()
    phone.see_charts()
    assert phone.value("document.documentElement.scrollWidth") == 390
    invoices = phone.page.get_by_role("link", name="Invoices", exact=True)
    menu = phone.page.get_by_role("button", name="Menu")
    assert not invoices.is_visible()
    menu.click()
    assert menu.get_attribute("aria-expanded") == "true"
    invoices.click()
    phone.page.wait_for_url("**/invoices/")
    assert phone.value("document.documentElement.scrollWidth") == 390


def test_the_bill_is_drawn_as_a_waterfall_that_fits_a_phone(phone: Visitor) -> None:
    phone.log_in()
    phone.page.goto(f"{phone.base}/efficiency/?month=2026-10")
    phone.page.locator("#bill[data-drawn]").wait_for()
    assert phone.page.locator("#bill .barlayer .point").count() == 7
    text = phone.page.locator("#bill").inner_text()
    # $3 useful, $1.70 of the failed task, $3 of chips: the whole is $7.70.
    for label in ("Useful tokens", "Failed tokens", "$1.70", "Total", "$7.70"):
        assert label in text
    assert phone.value("document.documentElement.scrollWidth") == 390
    assert phone.complaints == []


def test_the_theme_follows_the_system_without_a_reload(desktop: Visitor) -> None:
    desktop.log_in()
    desktop.see_charts()
    expect(desktop.page.locator(BAR).first).to_have_css("fill", "rgb(15, 118, 110)")
    desktop.page.emulate_media(color_scheme="dark")
    expect(desktop.page.locator(BAR).first).to_have_css("fill", "rgb(20, 184, 166)")
    assert desktop.value("getComputedStyle(document.body).backgroundColor") == "rgb(22, 20, 18)"
    assert desktop.complaints == []


def test_the_table_behind_a_chart_opens_with_the_keyboard(desktop: Visitor) -> None:
    desktop.log_in()
    desktop.see_charts()
    behind = desktop.page.locator("#spend-by-day ~ .behind")
    behind.locator("summary").focus()
    desktop.page.keyboard.press("Enter")
    first = behind.get_by_role("row").nth(1)
    assert first.get_by_role("rowheader").inner_text().replace("\u00a0", " ") == "1 Oct 2026"
    # ada's $2 and bob's $1 are useful, both tasks succeeded.
    assert first.get_by_role("cell").first.inner_text() == "$3.00"


def test_a_menu_closes_with_escape_and_gives_the_focus_back(desktop: Visitor) -> None:
    desktop.log_in()
    desktop.see_charts()
    menu = desktop.page.locator(".controls details.menu").first
    menu.locator("summary").click()
    assert menu.get_attribute("open") is not None
    desktop.page.keyboard.press("Escape")
    assert menu.get_attribute("open") is None
    assert desktop.value("document.activeElement.tagName") == "SUMMARY"


def test_what_came_in_is_drawn_and_repaired_by_hand(desktop: Visitor) -> None:
    desktop.log_in()
    desktop.see_charts()
    page = desktop.page
    page.get_by_role("link", name="Ingestion").click()
    page.locator("#intake[data-drawn]").wait_for()
    page.locator("#quarantine table").last.get_by_role("link").click()
    event = page.get_by_label("The event, as it should be")
    event.fill(event.input_value().replace("inputTokens", "input_tokens"))
    page.get_by_role("button", name="Replay it").click()
    expect(page.get_by_role("status")).to_contain_text("1 stored")
    assert desktop.complaints == []
