"""What was used and has no price: what it is, whom it concerns, and where to add one."""

from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from billing.tenants_queries import Missing, held, unpriced
from dashboards import formats
from dashboards.operator.months import Months
from dashboards.operator.tables import Cell, Column, Figure, Section, link
from metering.models import Tenant

_NAMED = 3
_UNITS = {"model": "tokens", "chip": "chip-seconds", "tool": "units"}
_FORMS = {"model": "tokenprice", "chip": "chipprice", "tool": "toolprice"}


def unpriced_page(months: Months) -> dict[str, Any]:
    """What has no price in the months, and the drafts that wait for one. StoreUnavailable."""
    tenants = {tenant.pk: tenant for tenant in Tenant.objects.order_by("slug")}
    found = unpriced(list(tenants.values()), lambda zone: (months.start, months.end))
    concerned = {pk for item in found for pk in item.tenants}
    drafts = held(months.start)
    return {
        "months": months,
        "figures": [
            Figure("Without a price", formats.count(len(found)), f"in {months.label}"),
            Figure("Tenants concerned", formats.count(len(concerned)), "their cost is unknown"),
            Figure("Drafts held", formats.count(len(drafts)), f"for {months.start:%B %Y}"),
        ],
        "sections": [_missing(found, tenants, months), held_section(drafts, months.start)],
    }


def _missing(found: list[Missing], tenants: dict[int, Tenant], months: Months) -> Section:
    return Section(
        title="Used, and not in the cost book",
        note="a cost that is not known is never counted as nothing",
        columns=(
            Column("What is missing"),
            Column("Used"),
            Column("Of", text=True),
            Column("Tenants", text=True),
            Column("", text=True),
        ),
        rows=[_row(item, tenants, months) for item in found],
        nothing="Everything that was used has a price.",
    )


def _row(item: Missing, tenants: dict[int, Tenant], months: Months) -> list[Cell]:
    names = sorted(tenants[pk].name for pk in item.tenants)
    shown = names[:_NAMED]
    if more := len(names) - _NAMED:
        shown += [f"{more} more"] if more > 0 else []
    return [
        item.problem,
        formats.count(round(item.quantity, 3)),
        _UNITS[item.kind],
        formats.joined(shown),
        link(_form(item, months), f"Add its price in {item.currency}"),
    ]


def _form(item: Missing, months: Months) -> str:
    """The form of a price, filled in as far as it is known."""
    known = item.key | {"currency": item.currency, "valid_from": f"{months.start}"}
    if item.kind == "model":
        known["per"] = "1000000"
    return f"{reverse(f'admin:billing_{_FORMS[item.kind]}_add')}?{urlencode(known)}"


def held_section(drafts: list[tuple[str, str, list[str]]], month: date) -> Section:
    """Drafts of a month that cannot be finalized, each with its reasons."""
    rows: list[list[Cell]] = []
    for slug, name, reasons in drafts:
        address = reverse("invoice", args=[f"draft-{month:%Y-%m}"])
        rows.append([link(f"{address}?tenant={slug}", name), "; ".join(reasons)])
    return Section(
        title=f"Held drafts, {month:%B %Y}",
        note="a draft is finalized once all that its charges need has a price",
        columns=(Column("Tenant"), Column("Why", text=True)),
        rows=rows,
        nothing="No draft of the month is held.",
        anchor="held",
    )
