"""The events of one task, each with what it cost."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from billing.costs import Cost, CostBook
from billing.terms import cost_book
from metering import task_queries
from metering.models import Tenant
from metering.task_queries import TaskEvent
from metering.usage.calls import USEFUL, PricedCalls
from metering.usage.exact import from_units
from metering.usage.ledger import TaskLine
from metering.usage.period import micros

_TOKENS = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_long_tokens",
    "output_tokens",
    "reasoning_tokens",
)


@dataclass(frozen=True, slots=True)
class CostedEvent:
    """An event and its cost: None where it has no price, which `unpriced` names."""

    event: TaskEvent
    cost: Decimal | None
    unpriced: list[str]


def costed_events(
    tenant: Tenant, line: TaskLine, after: tuple[datetime, str, str] | None, limit: int
) -> list[CostedEvent]:
    """A page of the task's events; their costs add up to the task's."""
    book = cost_book(tenant.currency)
    clock = ZoneInfo(tenant.timezone)
    found = task_queries.task_events(tenant, line, after, limit)
    return [_costed(event, book, event.time.astimezone(clock).date()) for event in found]


def _costed(event: TaskEvent, book: CostBook, day: date) -> CostedEvent:
    cost, data = Cost(), event.data
    match event.type:
        case "agent.tokens":
            book.add_calls(cost, _one_call(event, book, day))
        case "agent.chip":
            book.add_units(cost, "chip", data["chip"], day, chip_seconds(event))
        case "agent.tool":
            book.add_units(cost, "tool", data["tool"], day, data["units"])
    return CostedEvent(event, cost.total, sorted(cost.unpriced))


def chip_seconds(event: TaskEvent) -> Decimal:
    """Chips × seconds of an agent.chip event."""
    length = micros(event.data["ended_at"]) - micros(event.data["started_at"])
    return from_units(int(event.data["count"].scaleb(18)) * length, 24)


def _one_call(event: TaskEvent, book: CostBook, day: date) -> PricedCalls:
    """What its neighbours make of it changes the parts of its cost and not their sum."""
    data = event.data
    tokens = {name: data[name] for name in _TOKENS}
    prompt = tokens["input_tokens"] + tokens["cache_read_tokens"] + tokens["cache_write_tokens"]
    prompt += data["other_prompt_tokens"]
    return PricedCalls(
        provider=data.get("provider", ""),
        model=data["model"],
        modality=data["modality"],
        service_tier=data.get("service_tier", ""),
        day=day,
        prompt_over=max((t for t in book.thresholds if prompt > t), default=0),
        outcome=USEFUL,
        requests=int(data["part"] == 1),
        reusable_tokens=0,
        repeated_tokens=0,
        **tokens,
    )
