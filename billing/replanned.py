"""Which invoices were made from other plans than the tenant is now said to have been on then."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from billing.models import Invoice, PlanVersion, Subscription
from billing.timeline import Timeline
from metering.usage.period import Period

_FIRST = "snapshot__terms__plans__0"
_KNOWN = (
    "pk",
    "snapshot__terms__timezone",
    f"{_FIRST}__plan",
    f"{_FIRST}__start",
    f"{_FIRST}__end",
    "snapshot__terms__plans__1__plan",
)


def replanned(by_tenant: Mapping[int, Sequence[Invoice]]) -> set[int]:
    """Those that are, and those of several versions, which would take longer to compare."""
    subscriptions = _subscriptions(by_tenant)
    versions = _versions(subscriptions)
    invoices = {invoice.pk: invoice for some in by_tenant.values() for invoice in some}
    found = set()
    rows = Invoice.objects.filter(pk__in=invoices).order_by().values_list(*_KNOWN)
    for pk, zone, plan, start, end, another in rows:
        invoice = invoices[pk]
        own = subscriptions.get(invoice.tenant_id, [])
        plans = {subscription.plan_id for subscription in own}
        timeline = Timeline(zone, own, [v for v in versions if v.plan_id in plans])
        then = [(plan, _period(start, end))] if plan else []
        period = Period(invoice.period_start, invoice.period_end)
        if another or then != timeline.stretches(period):
            found.add(pk)
    return found


def _period(start: str, end: str) -> Period:
    return Period(datetime.fromisoformat(start), datetime.fromisoformat(end))


def _subscriptions(tenants: Iterable[int]) -> dict[int, list[Subscription]]:
    found: dict[int, list[Subscription]] = defaultdict(list)
    rows = Subscription.objects.filter(tenant__in=list(tenants)).select_related("plan")
    for row in rows.order_by("valid_from"):
        found[row.tenant_id].append(row)
    return found


def _versions(subscriptions: Mapping[int, Sequence[Subscription]]) -> list[PlanVersion]:
    plans = {row.plan_id for rows in subscriptions.values() for row in rows}
    rows = PlanVersion.objects.filter(plan__in=plans).select_related("plan")
    return list(rows.order_by("valid_from"))
