"""Revenue, cost and margin of all tenants over some months, by tenant and by what earned it."""

from collections import defaultdict
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from django.urls import reverse

from billing.rating.money import EXACT, ROUNDED
from billing.tenants_queries import Earned, Source, earned
from dashboards import formats
from dashboards.operator.months import Months
from dashboards.operator.tables import Cell, Column, Figure, Section, Sums, link, money_or, pill
from metering.models import Tenant

# More rows than can be looked through help nobody: the largest come first.
_MOST = 200
_NUMBERS = (Column("Revenue"), Column("Cost"), Column("Margin"), Column("Share"))


def revenue_page(months: Months) -> dict[str, Any]:
    """Figures and tables. Raises StoreUnavailable."""
    tenants = {tenant.pk: tenant for tenant in Tenant.objects.order_by("slug")}
    found = earned(list(tenants.values()), months.start, months.end)
    by_tenant: dict[tuple[str, str], Earned] = defaultdict(Earned)
    by_source: dict[tuple[Source, str], Earned] = defaultdict(Earned)
    totals: dict[str, Earned] = defaultdict(Earned)
    for (pk, source), item in found.items():
        tenant = tenants[pk]
        for into in (
            by_tenant[tenant.slug, tenant.currency],
            by_source[source, tenant.currency],
            totals[tenant.currency],
        ):
            _merge(into, item)
    names = {tenant.slug: tenant.name for tenant in tenants.values()}
    return {
        "months": months,
        "figures": _figures(totals),
        "sections": [
            _by_tenant(by_tenant, names, months),
            _by_source(by_source),
        ],
    }


def _merge(into: Earned, item: Earned) -> None:
    into.revenue = EXACT.add(into.revenue, item.revenue)
    into.cost = EXACT.add(into.cost, item.cost)
    into.drafts += item.drafts
    into.unpriced |= item.unpriced


def _figures(totals: dict[str, Earned]) -> list[Figure]:
    revenue, cost, margin = Sums(), Sums(), Sums()
    unpriced: set[str] = set()
    drafts = sum(item.drafts for item in totals.values())
    for currency, item in totals.items():
        revenue.add(currency, item.revenue)
        cost.add(currency, item.cost)
        if item.margin is not None:
            margin.add(currency, item.margin)
        unpriced |= item.unpriced
    at_least = "at least, for some use has no price" if unpriced else "at the cost book"
    of_drafts = f"{formats.count(drafts)} lines of it in drafts" if drafts else "all finalized"
    return [
        Figure("Revenue before tax", str(revenue), of_drafts if totals else "nothing invoiced"),
        Figure("Cost", str(cost), at_least),
        Figure("Margin", str(margin), "where the cost is known"),
    ]


def _by_tenant(
    found: dict[tuple[str, str], Earned], names: dict[str, str], months: Months
) -> Section:
    rows = [
        [
            link(f"{reverse('invoices')}?tenant={quote(slug)}", names[slug]),
            *_numbers(item, currency),
        ]
        for (slug, currency), item in _largest(found)
    ]
    return Section(
        title=f"By tenant, {months.label}",
        columns=(Column("Tenant"), *_NUMBERS),
        rows=rows,
        note=_cut(len(found)),
        nothing=link(
            reverse("operator-close"),
            "No invoice and no use in these months. Drafts are made at the month's close",
        ),
    )


def _by_source(found: dict[tuple[Source, str], Earned]) -> Section:
    rows: list[list[Cell]] = [
        [source.name or "not named", source.kind, *_apart(source, item, currency)]
        for (source, currency), item in _largest(found)
    ]
    return Section(
        title="By model, chip and tool",
        note="Charges that are not told apart by one have revenue alone, and models that no charge"
        f" is grouped by have cost alone. {_cut(len(found))}",
        columns=(Column("What"), Column("Kind", text=True), *_NUMBERS),
        rows=rows,
        nothing="Nothing was used in these months.",
    )


def _largest(found: dict[Any, Earned]) -> list[tuple[Any, Earned]]:
    """By currency, for amounts of two cannot be compared, and then the largest."""
    ordered = sorted(found.items(), key=lambda pair: (-pair[1].revenue, -pair[1].cost))
    return sorted(ordered[:_MOST], key=lambda pair: pair[0][1])


def _cut(number: int) -> str:
    return f"The largest {_MOST} of {formats.count(number)}." if number > _MOST else ""


def _numbers(item: Earned, currency: str) -> list[Cell]:
    margin = item.margin
    revenue: Cell = formats.money(item.revenue, currency)
    if item.drafts:
        revenue = pill(f"{revenue}, draft")
    return [
        revenue,
        money_or(item.known_cost, currency),
        formats.NONE if margin is None else formats.money(margin, currency),
        formats.percent(_share(margin, item.revenue)),
    ]


def _apart(source: Source, item: Earned, currency: str) -> list[Cell]:
    """A source's own margin, where both its revenue and its cost are told apart by it."""
    revenue, cost, margin, share = _numbers(item, currency)
    if source.kind == "charge":
        return [revenue, formats.NONE, formats.NONE, formats.NONE]
    if not item.revenue:
        return [formats.NONE, cost, formats.NONE, formats.NONE]
    return [revenue, cost, margin, share]


def _share(margin: Decimal | None, revenue: Decimal) -> Decimal | None:
    if margin is None or revenue <= 0:
        return None
    return ROUNDED.divide(margin, revenue)
