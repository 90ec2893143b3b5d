"""All tenants: how each stands, when it was last heard of, and its month so far."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.core.paginator import Page, Paginator
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.urls import reverse
from django.utils import timezone

from billing import tenants_queries
from billing.models import Invoice, Subscription
from billing.tenants_queries import Earned
from dashboards import formats
from dashboards.operator.tables import Cell, Column, Section, link, money_or, pill
from metering.models import Tenant
from metering.tenants_queries import Dates, Health, health_of

_A_PAGE = 100
_DAY = timedelta(days=1)
_COLUMNS = (
    Column("Tenant"),
    Column("State", text=True),
    Column("Plan", text=True),
    Column("Last heard of, UTC", text=True),
    Column("Received in 24 h"),
    Column("Cost, month so far"),
    Column("Last invoice"),
    Column("", text=True),
)


def tenants_page(search: str, number: str) -> dict[str, Any]:
    """A page of tenants in the order of their slugs. Raises StoreUnavailable."""
    page = Paginator(_found(search), _A_PAGE).get_page(number)
    tenants = list(page.object_list)
    now = timezone.now()
    health = health_of(tenants, now - _DAY)
    spent = tenants_queries.spent(tenants, _month_so_far(now))
    rows = [
        _row(tenant, item, spent.get(tenant.pk), now)
        for tenant, item in zip(tenants, health, strict=True)
    ]
    return {"sections": [_section(rows, search)], "page_of": page, "search": search} | _steps(page)


def _found(search: str) -> "QuerySet[Any]":
    today = timezone.now().date()
    plans = Subscription.objects.filter(tenant=OuterRef("pk"), valid_from__lte=today)
    last = Invoice.objects.filter(tenant=OuterRef("pk")).exclude(status=Invoice.Status.DRAFT)
    newest = last.order_by("-month", "-pk")
    tenants = Tenant.objects.filter(Q(slug__icontains=search) | Q(name__icontains=search))
    return tenants.order_by("slug").annotate(
        plan=Subquery(plans.order_by("-valid_from").values("plan__code")[:1]),
        billed=Subquery(newest.values("total")[:1]),
        billed_in=Subquery(newest.values("currency")[:1]),
        number=Subquery(newest.values("number")[:1]),
    )


def _month_so_far(now: datetime) -> Dates:
    def dates(zone: str) -> tuple[date, date]:
        today = now.astimezone(ZoneInfo(zone)).date()
        return today.replace(day=1), today + _DAY

    return dates


def _section(rows: Sequence[Sequence[Cell]], search: str) -> Section:
    add = link(reverse("admin:metering_tenant_add"), "Make one")
    nothing = f"No tenant's name has “{search}” in it." if search else add
    return Section(title="Tenants", columns=_COLUMNS, rows=rows, nothing=nothing)


def _row(tenant: Any, health: Health, spent: Earned | None, now: datetime) -> list[Cell]:
    here = f"{reverse('overview')}?tenant={tenant.slug}"
    cost = money_or((spent or Earned()).known_cost, tenant.currency)
    invoice: Cell = formats.NONE
    if tenant.number:
        url = f"{reverse('invoice', args=[tenant.number])}?tenant={tenant.slug}"
        invoice = link(url, formats.money(tenant.billed, tenant.billed_in))
    intake = health.intake
    return [
        link(here, tenant.name),
        _state(tenant, health, now),
        tenant.plan or formats.NONE,
        _heard(intake.last_hour) if intake else formats.NONE,
        formats.count(intake.received) if intake else "0",
        link(reverse("operator-unpriced"), cost) if spent and spent.unpriced else cost,
        invoice,
        link(reverse("admin:metering_tenant_change", args=[tenant.pk]), "Edit"),
    ]


def _heard(hour: datetime) -> str:
    """The hour of the last commit is kept, not its minute."""
    return f"{formats.moment(hour, 'UTC')}–{hour + timedelta(hours=1):%H:%M}"


def _state(tenant: Any, health: Health, now: datetime) -> Cell:
    """The most pressing of what can be said of it."""
    if health.alerts:
        return pill("does not add up", "bad")
    if not tenant.plan:
        return pill("no plan", "warn")
    if health.intake is None:
        return pill("never heard of", "warn")
    if health.waiting:
        return pill(f"{formats.count(health.waiting)} in quarantine", "warn")
    quiet = health.intake.last_hour < now - _DAY - timedelta(hours=1)
    return pill("quiet") if quiet else pill("active", "good")


def _steps(page: Page[Any]) -> dict[str, Any]:
    return {
        "earlier": page.previous_page_number() if page.has_previous() else None,
        "later": page.next_page_number() if page.has_next() else None,
    }
