"""Revenue, cost and margin of all tenants, and what has no price: for the operator's pages.

The store is asked once for each time zone and kind of use; invoices and lines by one query each.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from billing.costs import Cost
from billing.models import Invoice, InvoiceLine
from billing.rating.money import EXACT, ZERO
from billing.terms import cost_book
from metering import tenants_queries
from metering.models import Tenant
from metering.tenants_queries import Dates

# What an amount of an invoice is for, as cost is told apart too: a model, a chip, a tool.
_KINDS = ("model", "chip", "tool")
_CALL_KEY = ("provider", "model", "modality", "service_tier")


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """What earned or cost money: a model, chip or tool, or of revenue else the charge's code."""

    kind: str
    name: str


@dataclass(slots=True)
class Earned:
    """Revenue before tax, and cost, in one currency; unknown where something has no price."""

    revenue: Decimal = ZERO
    cost: Decimal = ZERO
    drafts: int = 0
    unpriced: set[str] = field(default_factory=set)

    @property
    def known_cost(self) -> Decimal | None:
        return None if self.unpriced else self.cost

    @property
    def margin(self) -> Decimal | None:
        """None where the cost is not known."""
        cost = self.known_cost
        return None if cost is None else EXACT.subtract(self.revenue, cost)

    def add(self, cost: Cost) -> None:
        for part in (cost.useful, cost.chips, cost.tools):
            self.cost = EXACT.add(self.cost, part)
        self.unpriced |= cost.unpriced


@dataclass(frozen=True, slots=True)
class Piece:
    """Some use of a tenant's, in tokens or units, that one price would be for: `key` names it."""

    tenant: int
    source: Source
    cost: Cost
    quantity: Decimal
    key: dict[str, str]


@dataclass(slots=True)
class Missing:
    """Something used that has no price: how much of it, by whom, and the key of its price."""

    kind: str
    name: str
    problem: str
    currency: str
    key: dict[str, str] = field(default_factory=dict)
    quantity: Decimal = ZERO
    tenants: set[int] = field(default_factory=set)


def costs_of(tenants: Sequence[Tenant], dates: Dates) -> Iterator[Piece]:
    """What each tenant's use cost, piece by piece."""
    books = {currency: cost_book(currency) for currency in {t.currency for t in tenants}}
    if not books:
        return
    currency = {tenant.pk: tenant.currency for tenant in tenants}
    any_book = next(iter(books.values()))
    days, thresholds = any_book.change_days, any_book.thresholds
    for tenant, calls in tenants_queries.calls_of(tenants, dates, days, thresholds):
        cost = Cost()
        books[currency[tenant]].add_calls(cost, calls)
        key = {name: getattr(calls, name) for name in _CALL_KEY}
        source = Source("model", calls.model)
        yield Piece(tenant, source, cost, Decimal(calls.total_tokens), key)
    for use in tenants_queries.units_of(tenants, dates, days):
        cost = Cost()
        books[currency[use.tenant]].add_units(cost, use.kind, use.name, use.day, use.quantity)
        source = Source(use.kind, use.name)
        yield Piece(use.tenant, source, cost, use.quantity, {use.kind: use.name})


def spent(tenants: Sequence[Tenant], dates: Dates) -> dict[int, Earned]:
    """What each tenant's use cost the operator; nothing for those that used nothing."""
    found: dict[int, Earned] = defaultdict(Earned)
    for piece in costs_of(tenants, dates):
        found[piece.tenant].add(piece.cost)
    return dict(found)


def earned(tenants: Sequence[Tenant], start: date, end: date) -> dict[tuple[int, Source], Earned]:
    """Revenue and cost by tenant and source, in whole months from `start` to before `end`.

    Revenue is that of the months' invoices, drafts among them, before tax.
    """
    found: dict[tuple[int, Source], Earned] = defaultdict(Earned)
    for piece in costs_of(tenants, lambda zone: (start, end)):
        found[piece.tenant, piece.source].add(piece.cost)
    for tenant, source, amount, draft in _revenue(tenants, start, end):
        item = found[tenant, source]
        item.revenue = EXACT.add(item.revenue, amount)
        item.drafts += draft
    return dict(found)


def _revenue(
    tenants: Iterable[Tenant], start: date, end: date
) -> Iterator[tuple[int, Source, Decimal, bool]]:
    currency = {tenant.pk: tenant.currency for tenant in tenants}
    lines = InvoiceLine.objects.filter(invoice__month__gte=start, invoice__month__lt=end)
    rows = lines.exclude(invoice__status=Invoice.Status.VOID).values_list(
        "invoice__tenant_id", "invoice__currency", "invoice__status", "code", "group", "amount"
    )
    for tenant, paid_in, status, code, group, amount in rows.iterator(chunk_size=5_000):
        # A tenant that changed its currency has two sums, and only one of them can be added up.
        if currency.get(tenant) == paid_in:
            yield tenant, _source(code, group), amount, status == Invoice.Status.DRAFT


def _source(code: str, group: dict[str, str]) -> Source:
    for kind in _KINDS:
        if group.get(kind):
            return Source(kind, group[kind])
    return Source("charge", code)


def unpriced(tenants: Sequence[Tenant], dates: Dates) -> list[Missing]:
    """What was used and has no price, the most widely used first."""
    by_pk = {tenant.pk: tenant for tenant in tenants}
    found: dict[tuple[str, str, str, str], Missing] = {}
    for piece in costs_of(tenants, dates):
        currency = by_pk[piece.tenant].currency
        for problem in piece.cost.unpriced:
            key = (piece.source.kind, piece.source.name, problem, currency)
            item = found.setdefault(key, Missing(*key, piece.key))
            item.quantity = EXACT.add(item.quantity, piece.quantity)
            item.tenants.add(piece.tenant)
    return sorted(found.values(), key=lambda item: (-len(item.tenants), item.kind, item.problem))


def held(month: date) -> list[tuple[str, str, list[str]]]:
    """Drafts of a month that cannot be finalized: slug, name and reasons of each tenant."""
    rows = Invoice.objects.filter(month=month, status=Invoice.Status.DRAFT).order_by("tenant__slug")
    values = rows.values_list("tenant__slug", "tenant__name", "unpriced")
    return [(slug, name, reasons) for slug, name, reasons in values if reasons]
