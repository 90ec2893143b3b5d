"""Which plan a tenant is on, and from when."""

from datetime import date, timedelta

from billing.models import BEGINNING_OF_TIME, Invoice, Plan, Subscription
from metering.models import Tenant


def put_on_plan(tenant: Tenant, plan: Plan) -> str | None:
    """Charge everything that is not yet invoiced by this plan; what changed, or None.

    A file names a plan and no date. What was invoiced stays with the plan it was invoiced by.
    """
    current = Subscription.objects.filter(tenant=tenant).order_by("-valid_from").first()
    if current is not None and current.plan_id == plan.pk:
        return None
    start = _invoiced_until(tenant)
    Subscription.objects.filter(tenant=tenant, valid_from__gte=start).delete()
    Subscription.objects.create(tenant=tenant, plan=plan, valid_from=start)
    if current is None:
        return f"~ tenant {tenant}: plan none → {plan}"
    return f"~ tenant {tenant}: plan {current.plan} → {plan}"


def _invoiced_until(tenant: Tenant) -> date:
    """The date at which the tenant's last invoiced month ended, on whichever clock."""
    done = tenant.invoices.exclude(status__in=[Invoice.Status.DRAFT, Invoice.Status.VOID])
    last = done.order_by("-month").first()
    if last is None:
        return BEGINNING_OF_TIME
    return (last.month + timedelta(days=31)).replace(day=1)
