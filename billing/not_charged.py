"""Usage that no charge of the plan covers: types of events, and groups left out by filters."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import pairwise

from billing.parsed import meter_of
from billing.plan_terms import ChargeTerms, PlanTerms
from billing.terms import Terms
from metering import queries
from metering.models import Tenant
from metering.usage.meter import DIMENSIONS, Meter, kind_of
from metering.usage.period import Period

_CHIP, _TASK, _TOKENS, _TOOL = "agent.chip", "agent.task", "agent.tokens", "agent.tool"
# Which events a derived metric is made of. An active agent is charged for whatever it did.
_METRIC_TYPES: dict[str, tuple[str, ...]] = {
    "delivering_agent_days": (_TASK,),
    "succeeded_tasks": (_TASK,),
    "effective_tokens": (_TOKENS,),
    "cost": (_TOKENS, _CHIP, _TOOL),
}
Filters = tuple[tuple[str, tuple[str, ...]], ...]
Uncharged = dict[str, object]


def not_charged(tenant: Tenant, terms: Terms, watermark: datetime) -> list[Uncharged]:
    """`{type, group, events}` of what was used and is on no line, in a fixed order."""
    counts: Counter[tuple[str, tuple[tuple[str, str], ...]]] = Counter()
    for period, charges in _parts(terms):
        covering = _covering(charges)
        for name, events in queries.usage_types(tenant, period, watermark):
            if () in covering["*"] or () in covering[name]:
                continue
            for group, count in _left_out(tenant, period, name, covering[name], watermark, events):
                counts[name, group] += count
    return [
        {"type": name, "group": dict(group), "events": count}
        for (name, group), count in sorted(counts.items())
    ]


def _parts(terms: Terms) -> Iterator[tuple[Period, list[ChargeTerms]]]:
    """The period, part by part, with the charges in force; none where no plan was."""
    start = terms.start
    for plan in terms.plans:
        if start < plan.start:
            yield Period(start, plan.start), []
        yield from _charged(plan)
        start = plan.end
    if start < terms.end:
        yield Period(start, terms.end), []


def _charged(plan: PlanTerms) -> Iterator[tuple[Period, list[ChargeTerms]]]:
    """A plan's part, cut where a charge of the tenant's own begins or ends."""
    periods = [plan.period_of(charge) for charge in plan.charges]
    cuts = {plan.start, plan.end, *(moment for p in periods for moment in (p.start, p.end))}
    for start, end in pairwise(sorted(cuts)):
        yield (
            Period(start, end),
            [c for c, period in zip(plan.charges, periods, strict=True) if start in period],
        )


def _covering(charges: Iterable[ChargeTerms]) -> dict[str, list[Filters]]:
    """The filters of every charge on a type; `*` stands for all types."""
    covering: dict[str, list[Filters]] = defaultdict(list)
    for charge in charges:
        if charge.meter is None:
            covering[_CHIP].append(())
            continue
        meter = meter_of(charge)
        types = _METRIC_TYPES.get(meter.metric, ("*",)) if meter.metric else (meter.type,)
        for name in types:
            covering[name].append(meter.filters)
    return covering


def counted_meters(terms: Terms) -> Iterator[tuple[Period, Meter]]:
    """The meters that `not_charged` counts by, where there is such usage."""
    for period, charges in _parts(terms):
        covering = _covering(charges)
        for name in covering.keys() - {"*"}:
            if () not in covering["*"] and () not in covering[name]:
                meter, _ = _counting(name, covering[name])
                if meter.group_by:
                    yield period, meter


def _left_out(
    tenant: Tenant,
    period: Period,
    name: str,
    covering: list[Filters],
    watermark: datetime,
    events: int,
) -> Iterator[tuple[tuple[tuple[str, str], ...], int]]:
    """The groups of a type that pass no charge's filters."""
    meter, usable = _counting(name, covering)
    if not meter.group_by:
        yield (), events
        return
    for found in queries.meter_quantities(tenant, meter, period, received_before=watermark):
        values = dict(found.group)
        if not any(all(values[key] in allowed for key, allowed in f) for f in usable):
            yield tuple(sorted(values.items())), found.events


def _counting(name: str, covering: list[Filters]) -> tuple[Meter, list[Filters]]:
    """What tells the groups of a type apart, and the filters that any of its events can pass."""
    known = DIMENSIONS[kind_of(name)]
    # A filter on what this type does not have lets none of its events pass.
    usable = [
        filters
        for filters in covering
        if all(key in known or key.startswith("labels.") for key, _ in filters)
    ]
    keys = tuple(sorted({key for filters in usable for key, _ in filters}))
    return Meter(type=name, aggregation="count", group_by=keys), usable
