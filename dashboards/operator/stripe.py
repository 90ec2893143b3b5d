"""What differs between the invoices of a month here and at Stripe; Stripe is asked on request."""

from datetime import date
from typing import Any

from django.urls import reverse

from billing.stripe_sync.gateway import RefusedError, TryLaterError
from billing.stripe_sync.outbox import configured
from billing.stripe_sync.reconciling import Difference, differences
from billing.stripe_sync.records import StripePush
from dashboards import formats
from dashboards.operator.months import shifted, this_month
from dashboards.operator.tables import Cell, Column, Figure, Section, link

_COLUMNS = (
    Column("Invoice"),
    Column("Tenant", text=True),
    Column("What", text=True),
    Column("Here"),
    Column("At Stripe"),
    Column("Note", text=True),
)


def stripe_page(month: date | None) -> dict[str, Any]:
    """The differences of a month; without one what waits, and how to ask."""
    asked = month or shifted(this_month(), -1)
    context: dict[str, Any] = {"asked": asked, "configured": configured(), "figures": _waiting()}
    if month is None or not configured():
        return context
    try:
        found = differences(f"{month:%Y-%m}")
    except (TryLaterError, RefusedError) as error:
        return context | {"problem": f"Stripe does not answer: {error}"}
    return context | {"sections": [_section(found, month)]}


def _waiting() -> list[Figure]:
    pushes = StripePush.objects.exclude(state=StripePush.State.DONE)
    dead = pushes.filter(state=StripePush.State.DEAD).count()
    address = reverse("admin:billing_stripepush_changelist")
    why = link(f"{address}?state__exact={StripePush.State.DEAD}", "see why, and try them again")
    return [
        Figure("Waiting to be sent", formats.count(pushes.count() - dead), "invoices"),
        Figure("Given up", formats.count(dead), why if dead else "none"),
        Figure("Sent", formats.count(StripePush.objects.count() - pushes.count()), "invoices"),
    ]


def _section(found: list[Difference], month: date) -> Section:
    return Section(
        title=f"Differences, {month:%B %Y}",
        columns=_COLUMNS,
        rows=[_row(item) for item in found],
        nothing="The same at Stripe as here.",
    )


def _row(item: Difference) -> list[Cell]:
    number: Cell = item.number or item.remote_id
    if item.number and item.tenant and item.ours:
        number = link(f"{reverse('invoice', args=[item.number])}?tenant={item.tenant}", item.number)
    return [number, item.tenant, item.kind, item.ours or "–", item.theirs or "–", item.note]
