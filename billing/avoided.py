"""What caches above the model avoided: shown beside what was spent, and never taken off it."""

from dataclasses import dataclass, field
from decimal import Decimal

from billing.costs import Cost, CostBook
from billing.terms import cost_book
from metering import queries
from metering.models import Tenant
from metering.usage.calls import USEFUL, PricedCalls
from metering.usage.efficiency import share
from metering.usage.period import Period


@dataclass(slots=True)
class CacheRow:
    """A group's look-ups in one cache. `saved_tokens` are those of its hits."""

    group: dict[str, str]
    cache: str
    lookups: int = 0
    hits: int = 0
    saved_tokens: int = 0
    cost: Cost = field(default_factory=Cost)

    @property
    def cache_hit_rate(self) -> Decimal | None:
        return share(self.hits, self.lookups)

    @property
    def avoided_cost(self) -> Decimal | None:
        """What the saved tokens would have cost as input of their model; None without a price."""
        return self.cost.tokens

    @property
    def unpriced(self) -> list[str]:
        return sorted(self.cost.unpriced)


def caches(tenant: Tenant, period: Period, group_by: tuple[str, ...] = ()) -> list[CacheRow]:
    """A row for each group and cache, straight from the events."""
    book = cost_book(tenant.currency)
    rows: dict[tuple[str, ...], CacheRow] = {}
    for use in queries.cache_use(tenant, period, group_by):
        key = (*use.group.values(), use.cache)
        row = rows.setdefault(key, CacheRow(use.group, use.cache))
        row.lookups += use.lookups
        row.hits += use.hits
        row.saved_tokens += use.saved_tokens
        _add_avoided(row.cost, book, use)
    return [rows[key] for key in sorted(rows)]


def _add_avoided(cost: Cost, book: CostBook, use: queries.CacheUse) -> None:
    """At the price of a plain request: how long the prompt would have been, nobody knows."""
    if not use.saved_tokens:
        return
    if not use.model:
        cost.unpriced.add(f"cache {use.cache} without a model")
        return
    book.add_calls(
        cost,
        PricedCalls(
            provider="",
            model=use.model,
            modality="text",
            service_tier="",
            day=use.day,
            prompt_over=0,
            outcome=USEFUL,
            requests=use.hits,
            input_tokens=use.saved_tokens,
            cache_read_tokens=0,
            cache_write_tokens=0,
            cache_write_long_tokens=0,
            output_tokens=0,
            reasoning_tokens=0,
            reusable_tokens=0,
            repeated_tokens=0,
        ),
    )
