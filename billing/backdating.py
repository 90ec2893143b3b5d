"""A change of plan that reaches back into a month that is invoiced: the month by today's plans.

The next invoice then corrects it. What the tenant was on then and still is keeps the prices and
fees it was invoiced by; only time on another plan is priced by what that plan is now.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace as at

from msgspec.structs import replace

from billing.fee_terms import monthly_fees
from billing.plan_terms import ChargeTerms, PlanTerms
from billing.terms import Terms
from billing.timeline import Timeline
from metering.usage.period import Period

Stretch = tuple[str, Period]


def resubscribed(own: Terms, timeline: Timeline) -> Terms:
    """The terms of an invoice, with the plans that the tenant is now said to have been on."""
    then = at(timeline, zone=own.timezone)
    stretches = then.stretches(own.period)
    if stretches == _stretches(own.plans):
        return own
    plans = [part for stretch in stretches for part in _parts(stretch, own, then)]
    kept = [f for f in own.fees if f.fee.interval != "month" or f.whole_start >= own.end]
    fees = [*monthly_fees(plans, own.month, own.timezone), *kept]
    return replace(own, plans=plans, fees=fees)


def _stretches(plans: Sequence[PlanTerms]) -> list[Stretch]:
    """Which plan when, whatever its versions."""
    found: list[Stretch] = []
    for plan in plans:
        last = found[-1] if found else None
        if last and last[0] == plan.plan and last[1].end == plan.start:
            found[-1] = (plan.plan, Period(last[1].start, plan.end))
        else:
            found.append((plan.plan, plan.period))
    return found


def _parts(stretch: Stretch, own: Terms, then: Timeline) -> Iterator[PlanTerms]:
    """A stretch on a plan: as it was invoiced where it was, and else as the plan is now."""
    code, period = stretch
    start = period.start
    for plan in own.plans:
        part = plan.period.intersect(period)
        if part is None or plan.plan != code:
            continue
        if start < part.start:
            yield from then.plans(Period(start, part.start))
        yield _cut(plan, part)
        start = part.end
    if start < period.end:
        yield from then.plans(Period(start, period.end))


def _cut(plan: PlanTerms, part: Period) -> PlanTerms:
    charges = [
        _bounded(charge, own, part)
        for charge in plan.charges
        if (own := plan.period_of(charge).intersect(part))
    ]
    return replace(plan, start=part.start, end=part.end, charges=charges)


def _bounded(charge: ChargeTerms, own: Period, part: Period) -> ChargeTerms:
    return replace(
        charge,
        start=own.start if own.start != part.start else None,
        end=own.end if own.end != part.end else None,
    )
