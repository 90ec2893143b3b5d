"""The operator's pages: Olga is of the operator's staff, Alice owns acme, Bob is on her team."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client

from billing.closing_run import ClosingRun
from billing.closing_runs import AlreadyRunningError, ask, work
from billing.invoicing import draft_invoice, finalize_invoice
from billing.models import Invoice, Plan, Subscription
from billing.stripe_sync.gateway import TryLaterError
from billing.stripe_sync.reconciling import Difference
from config.celery import app
from dashboards.operator.closing import progress_of
from metering.models import AuditEntry, Tenant
from tests.dashboards.conftest import logged_in

NAMES = (
    "",
    "revenue/",
    "ingestion/",
    "unpriced/",
    "stripe/",
    "close/",
    "close/progress/?month=2026-10",
)
PAGES = [f"/operator/{name}" for name in NAMES]
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def olga(staff: Client) -> Client:
    """Staff that may close a month."""
    User.objects.filter(username="olga").update(is_superuser=True)
    return staff


def text_of(client: Client, page: str) -> str:
    with time_machine.travel(NOW, tick=True):
        response = client.get(page)
    assert response.status_code == 200, page
    return response.content.decode().replace("\u00a0", " ")


@pytest.mark.parametrize("page", PAGES)
def test_only_staff_see_the_operators_pages(
    olga: Client, alice: Client, bob: Client, client: Client, page: str
) -> None:
    assert olga.get(page).status_code == 200
    for member in (alice, bob):
        assert member.get(page).status_code == 404
        assert member.post(page).status_code in {404, 405}
    assert client.get(page)["Location"].startswith("/login/")


def test_the_way_to_them_is_shown_to_staff_alone(olga: Client, alice: Client) -> None:
    assert "/operator/close/" in olga.get("/").content.decode()
    assert "/operator/" not in alice.get("/").content.decode()


def test_tenants_stand_with_plan_and_month_and_are_found_by_name(
    olga: Client, worked: Tenant, other: Tenant
) -> None:
    page = text_of(olga, "/operator/")
    for words in ("Acme", "1 in quarantine", "pro", "Zenith", "no plan"):
        assert words in page
    found = text_of(olga, "/operator/?q=zen")
    assert "Zenith" in found
    assert ">Acme<" not in found.split("<main")[1]
    assert "No tenant" in text_of(olga, "/operator/?q=nobody")


def test_revenue_stands_beside_the_cost_and_the_margin(olga: Client, worked: Tenant) -> None:
    finalize_invoice(draft_invoice(worked, "2026-10"))
    page = text_of(olga, "/operator/revenue/?month=2026-10")
    # 1,800,000 × 0.000002, two agents' days at 0.5, and $7.16 of bursts; October cost 7.70.
    for amount in ("$11.76", "$7.70", "$4.06", "34.5 %"):
        assert amount in page
    # The model alone: 3.60 of revenue for $4.70 of tokens.
    assert "−$1.10" in page
    assert "is not a month" in olga.get("/operator/revenue/?month=never").content.decode()
    assert olga.get("/operator/revenue/?from=2026-10&to=2026-09").status_code == 400


def test_ingestion_says_who_needs_somebody(olga: Client, worked: Tenant) -> None:
    page = olga.get("/operator/ingestion/").content.decode()
    assert "waiting" in page
    assert "/ingestion/?tenant=acme#quarantine" in page


def test_unpriced_use_leads_to_the_form_of_its_price(
    olga: Client, worked: Tenant, send: Any, roll: Any, event: Any
) -> None:
    address = "/operator/unpriced/?month=2026-10"
    assert "Everything that was used has a price" in text_of(olga, address)
    call = event.tokens("2026-10-09T12:00:00Z", model="new-one", provider="p", input_tokens=7)
    send(worked, [call])
    roll(worked)
    page = text_of(olga, address)
    assert "p/new-one" in page
    start = page.index("/admin/billing/tokenprice/add/?")
    url = page[start : page.index('"', start)].replace("&amp;", "&")
    form = olga.get(url).content.decode()
    for value in ('value="new-one"', 'value="p"', 'value="USD"', 'value="2026-10-01"'):
        assert value in form


@pytest.fixture
def eager() -> Iterator[None]:
    """A task runs where it is asked for."""
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


def test_a_month_is_closed_by_the_task_that_the_button_starts(
    olga: Client,
    worked: Tenant,
    other: Tenant,
    eager: None,
    django_capture_on_commit_callbacks: Any,
) -> None:
    with time_machine.travel(NOW, tick=True), django_capture_on_commit_callbacks(execute=True):
        answer = olga.post("/operator/close/", {"month": "2026-10", "do": "finalize"})
    assert answer["Location"] == "/operator/close/?month=2026-10"
    run = ClosingRun.objects.get()
    counts = (run.tenants, run.done, run.finalized, run.drafted, run.nothing)
    # Zenith has no plan.
    assert counts == (2, 2, 1, 0, 1)
    assert run.finished_at is not None
    assert Invoice.objects.get().number == "INV-2026-000001"
    entry = AuditEntry.objects.get(action="month.close")
    assert (entry.actor, entry.details) == ("user olga", {"finalize": "true"})
    page = text_of(olga, "/operator/close/?month=2026-10")
    assert "draft and finalize" in page
    work(run)
    assert Invoice.objects.count() == 1


def test_a_held_invoice_is_named_with_its_reason(olga: Client, acme: Tenant) -> None:
    invoice = draft_invoice(acme, "2026-10")
    Invoice.objects.filter(pk=invoice.pk).update(unpriced=["bursts: chip x has no contract"])
    page = text_of(olga, "/operator/close/?month=2026-10")
    assert "bursts: chip x has no contract" in page
    assert "/invoices/draft-2026-10/?tenant=acme" in page


def test_who_is_staff_without_the_right_starts_nothing(staff: Client, acme: Tenant) -> None:
    assert staff.post("/operator/close/", {"month": "2026-10"}).status_code == 403
    assert "Draft every invoice" not in text_of(staff, "/operator/close/?month=2026-10")
    assert not ClosingRun.objects.exists()


def test_a_month_that_has_not_begun_is_refused(olga: Client) -> None:
    with time_machine.travel(NOW, tick=True):
        assert olga.post("/operator/close/", {"month": "2027-01"}).status_code == 400


def test_two_runs_of_a_month_do_not_go_on_at_once_and_a_lost_one_gives_way(db: None) -> None:
    first = ask(date(2026, 10, 1), finalize=False, asked_by="olga")
    with pytest.raises(AlreadyRunningError):
        ask(date(2026, 10, 1), finalize=True, asked_by="olga")
    assert progress_of(date(2026, 10, 1))["said"] == "waiting for a worker"
    ClosingRun.objects.filter(pk=first.pk).update(moved_at=datetime(2026, 11, 1, tzinfo=UTC))
    assert ask(date(2026, 10, 1), finalize=True, asked_by="olga").pk != first.pk


def test_a_run_goes_on_by_chunks(acme: Tenant, make_tenant: Any) -> None:
    plan = Plan.objects.get(code="pro")
    for _ in range(2):
        Subscription.objects.create(tenant=make_tenant(), plan=plan)
    with time_machine.travel(NOW, tick=True):
        run = ask(date(2026, 10, 1), finalize=False, asked_by="olga")
        work(run, chunk=2)
    assert (run.done, run.drafted) == (3, 3)


def test_staff_without_any_tenant_are_told_the_next_step(olga: Client) -> None:
    for page in PAGES[:6]:
        assert olga.get(page).status_code == 200
    assert logged_in(User.objects.create(username="dave")).get("/operator/").status_code == 404
    assert "/admin/metering/tenant/add/" in olga.get("/operator/").content.decode()


def test_stripe_is_compared_on_request_and_its_absence_is_explained(
    olga: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Set <code>STRIPE_API_KEY</code>" in text_of(olga, "/operator/stripe/?month=2026-10")
    settings.STRIPE_API_KEY = "sk_test_x"
    names = {"kind": "amount", "number": "INV-2026-000001", "tenant": "acme", "month": "2026-10"}
    found = Difference(remote_id="in_1", ours="12.94", theirs="12.00", **names)
    asked: list[str] = []

    def compared(month: str) -> list[Difference]:
        asked.append(month)
        return [found]

    monkeypatch.setattr("dashboards.operator.stripe.differences", compared)
    assert "Compare with Stripe" in text_of(olga, "/operator/stripe/")
    assert asked == []
    page = text_of(olga, "/operator/stripe/?month=2026-10")
    assert asked == ["2026-10"]
    assert "/invoices/INV-2026-000001/?tenant=acme" in page
    assert "12.94" in page


def test_stripe_that_does_not_answer_is_said(
    olga: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STRIPE_API_KEY = "sk_test_x"

    def silent(month: str) -> list[Difference]:
        raise TryLaterError("it is asleep")

    monkeypatch.setattr("dashboards.operator.stripe.differences", silent)
    assert "it is asleep" in text_of(olga, "/operator/stripe/?month=2026-10")
