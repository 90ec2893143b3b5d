"""What is agreed with single tenants, as a file says: their plans by date, charges, coupons."""

from collections.abc import Iterator
from decimal import Decimal

from billing.charges import check_charge
from billing.concessions import Coupon, TenantCharge
from billing.configuration_schema import (
    ConfigurationError,
    CouponEntry,
    SubscriptionEntry,
    TenantChargeEntry,
)
from billing.configured_rows import (
    Saved,
    check_minor_units,
    plan_named,
    read_numbers,
    tenant_named,
    upsert,
)
from billing.models import Charge, Subscription
from billing.plan_parts import Fee
from metering.models import Tenant


def subscription(entry: SubscriptionEntry) -> Iterator[Saved]:
    """A tenant on a plan from a date on."""
    key = {"tenant": tenant_named(entry.tenant), "valid_from": entry.valid_from}
    values = {"plan": plan_named(entry.plan), "ends": entry.ends}
    yield upsert(Subscription, key, values)


def tenant_charge(entry: TenantChargeEntry) -> Iterator[Saved]:
    """A charge of the tenant's own."""
    check_charge(entry.charge, entry.meter)
    tenant = tenant_named(entry.tenant)
    key = {"tenant": tenant, "code": entry.code, "valid_from": entry.valid_from}
    values = {"ends": entry.ends, "meter": entry.meter, "charge": entry.charge}
    yield upsert(TenantCharge, key, values)


def coupon(entry: CouponEntry) -> Iterator[Saved]:
    """A coupon, if it can be taken off the tenant's invoices."""
    tenant = tenant_named(entry.tenant)
    numbers = read_numbers(entry, ("percent", "amount"))
    _check_reduction(tenant, entry, numbers["percent"], numbers["amount"])
    for n, code in enumerate(entry.charges):
        if not _is_charged(tenant, code):
            raise ConfigurationError(
                f"charges[{n}]: no plan of {tenant} has a charge or a fee {code!r}"
            )
    values = numbers | {
        "description": entry.description,
        "valid_from": entry.valid_from,
        "months": None if entry.months == "forever" else entry.months,
        "currency": entry.currency or "",
        "charges": entry.charges,
    }
    yield upsert(Coupon, {"tenant": tenant, "code": entry.code}, values)


def _check_reduction(
    tenant: Tenant, entry: CouponEntry, percent: Decimal | None, amount: Decimal | None
) -> None:
    if (percent is None) == (amount is None):
        raise ConfigurationError("percent: or amount must be given, and not both")
    if percent is not None and percent > 100:
        raise ConfigurationError("percent: must not be above 100")
    if amount is None:
        if entry.currency is not None:
            raise ConfigurationError("currency: belongs to an amount; a percentage has none")
    elif entry.currency != tenant.currency:
        given = entry.currency or "missing"
        raise ConfigurationError(f"currency: is {given}, but {tenant} pays {tenant.currency}")
    else:
        check_minor_units(amount, tenant.currency, "amount")


def _is_charged(tenant: Tenant, code: str) -> bool:
    """Whether something of that code can be on an invoice of the tenant's."""
    plans = tenant.subscriptions.values("plan")
    return (
        Charge.objects.filter(version__plan__in=plans, code=code).exists()
        or Fee.objects.filter(version__plan__in=plans, code=code).exists()
        or TenantCharge.objects.filter(tenant=tenant, code=code).exists()
    )
