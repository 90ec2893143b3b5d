"""The prompts that were computed again the most, and what that cost."""

from collections import defaultdict
from dataclasses import dataclass, field

from billing.costs import Cost
from billing.queries import token_sums
from billing.terms import cost_book
from dashboards import formats
from dashboards.charts.table import Table
from dashboards.ranges import DateRange
from metering import queries
from metering.models import Tenant
from metering.usage.efficiency import TokenSums

MOST = 10
_SHOWN = 16


@dataclass(slots=True)
class PromptUse:
    """What calls that begin with one block used and cost, and who made them."""

    sums: TokenSums = field(default_factory=TokenSums)
    cost: Cost = field(default_factory=Cost)
    agents: set[str] = field(default_factory=set)
    models: set[str] = field(default_factory=set)


def worst_prompts(tenant: Tenant, dates: DateRange) -> dict[str, PromptUse]:
    """By the first block, the one with most tokens computed again first."""
    book = cost_book(tenant.currency)
    found: dict[str, PromptUse] = defaultdict(PromptUse)
    for group, calls in queries.worst_prompts(tenant, dates.period, MOST, book.thresholds):
        use = found[group["prompt"]]
        use.sums += token_sums(calls)
        use.agents.add(group["agent"])
        use.models.add(group["model"])
        book.add_calls(use.cost, calls)
    ordered = sorted(found.items(), key=lambda item: (-item[1].sums.repeated_tokens, item[0]))
    return dict(ordered)


def prompt_table(found: dict[str, PromptUse], currency: str) -> Table:
    """As the page shows it."""
    rows = [
        (
            prompt if len(prompt) <= _SHOWN else f"{prompt[:_SHOWN]}…",
            _names(use.agents, "agents"),
            _names(use.models, "models"),
            formats.count(use.sums.requests),
            formats.count(use.sums.repeated_tokens),
            formats.percent(use.sums.repeated_share),
            "unknown" if use.cost.unpriced else formats.money(use.cost.repeated, currency),
            "unknown"
            if use.cost.unpriced or use.cost.saving is None
            else formats.money(use.cost.saving, currency),
        )
        for prompt, use in found.items()
    ]
    columns = ("First block", "Agent", "Model", "Requests", "Repeated tokens", "Repeated")
    return Table((*columns, "Its cost", "Saving in reach"), rows)


def _names(names: set[str], many: str) -> str:
    if len(names) == 1:
        return next(iter(names)) or formats.NONE
    return f"{formats.count(len(names))} {many}"
