"""Brings tenants, plans, prices and more to what a file says, and says what changed.

What the file leaves out stays as it is. Plans and prices may be edited at any time, also versions
that invoices were made from: a finalized invoice carries the terms it was priced from.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import transaction
from msgspec import UNSET

from billing import agreements
from billing.budgets.models import Budget
from billing.configuration_schema import (
    AlertChannelEntry,
    BudgetEntry,
    ChipPriceEntry,
    ChipSourceEntry,
    ConfigurationError,
    ContractEntry,
    Document,
    PriceEntry,
    TenantEntry,
    TokenPriceEntry,
)
from billing.configured_rows import Saved, plan_named, read_numbers, save, tenant_named, upsert
from billing.models import BurstContract, ChipPrice, Subscription, TokenPrice, ToolPrice
from billing.parties import BillingDetails
from billing.plans import apply_plans
from billing.rating.burst import parse_burst_prices
from billing.rating.errors import ChargeError
from billing.rating.money import ZERO
from billing.rating.numeric import not_negative
from billing.subscriptions import put_on_plan
from metering import audit
from metering.models import ChipSource, Tenant
from metering.notices.models import AlertChannel
from metering.usage.burst_terms import BurstTerms

E = TypeVar("E")

_TOKEN_CLASSES = ("input", "cache_read", "cache_write", "cache_write_long", "output")
_CONTRACT_QUANTITIES = ("baseline", "credit_accrual", "credit_cap")
_CONTRACT_PRICES = ("baseline_price", "on_demand_price", "idle_factor", "cold_start_fee")


def apply_configuration(document: Document, *, dry_run: bool = False) -> list[str]:
    """All of the document or, when anything in it is wrong, nothing. Raises ConfigurationError."""
    _refuse_two_ways(document)
    with transaction.atomic():
        changes = [
            *apply_plans(document.plans),
            *_each("tenants", document.tenants, _tenant),
            *_each("subscriptions", document.subscriptions, agreements.subscription),
            *_each("tenant_charges", document.tenant_charges, agreements.tenant_charge),
            *_each("coupons", document.coupons, agreements.coupon),
            *_each("prices", document.prices, _price),
            *_each("contracts", document.contracts, _contract),
            *_each("chip_sources", document.chip_sources, _chip_source),
            *_each("budgets", document.budgets, _budget),
            *_each("alert_channels", document.alert_channels, _alert_channel),
        ]
        _refuse_mixed_currencies()
        audit.record_all(audit.Act("configuration.changed", change) for change in changes)
        transaction.set_rollback(dry_run)
    return changes


def _each(section: str, entries: list[E], apply: Callable[[E], Iterator[Saved]]) -> Iterator[str]:
    """Apply every entry, and put its path before what is wrong with it."""
    seen: set[object] = set()
    for n, entry in enumerate(entries):
        path = f"{section}[{n}]"
        try:
            saved = list(apply(entry))
        except (ChargeError, ValidationError) as error:
            raise ConfigurationError(f"{path}.{_message(error)}") from error
        except ConfigurationError as error:
            raise ConfigurationError(f"{path}.{error}") from error
        row = saved[0].row
        if (type(row), row.pk) in seen:
            raise ConfigurationError(f"{path}: {row} is in the file twice")
        seen.add((type(row), row.pk))
        yield from (item.change for item in saved if item.change)


def _tenant(entry: TenantEntry) -> Iterator[Saved]:
    given = {
        name: getattr(entry, name)
        for name in ("name", "timezone", "currency")
        if isinstance(getattr(entry, name), str)
    }
    if isinstance(entry.tax_percent, str | int):
        given["tax_percent"] = not_negative(entry.tax_percent, "tax_percent")
    tenant = Tenant.objects.filter(slug=entry.slug).first()
    if tenant is None:
        tenant, given = Tenant(slug=entry.slug), {"name": entry.slug, **given}
    yield save(tenant, given, f"tenant {entry.slug}")
    yield from _billing_details(tenant, entry)
    if isinstance(entry.plan, str):
        yield Saved(tenant, put_on_plan(tenant, plan_named(entry.plan)))


def _billing_details(tenant: Tenant, entry: TenantEntry) -> Iterator[Saved]:
    given = {name: getattr(entry, name) for name in BillingDetails.FIELDS}
    given = {name: value for name, value in given.items() if value is not UNSET}
    if given:
        row = BillingDetails.objects.filter(tenant=tenant).first() or BillingDetails(tenant=tenant)
        yield save(row, given, str(row))


def _price(entry: PriceEntry) -> Iterator[Saved]:
    values: dict[str, Any] = {"currency": entry.currency}
    if isinstance(entry, TokenPriceEntry):
        values |= {"per": entry.per, **read_numbers(entry, _TOKEN_CLASSES)}
        if all(values[name] is None for name in _TOKEN_CLASSES):
            raise ConfigurationError(f"input: or another of {', '.join(_TOKEN_CLASSES)} is missing")
        yield upsert(TokenPrice, _price_key(TokenPrice, entry), values)
    elif isinstance(entry, ChipPriceEntry):
        yield upsert(
            ChipPrice, _price_key(ChipPrice, entry), values | read_numbers(entry, ("per_second",))
        )
    else:
        yield upsert(
            ToolPrice, _price_key(ToolPrice, entry), values | read_numbers(entry, ("per_unit",))
        )


def _contract(entry: ContractEntry) -> Iterator[Saved]:
    tenant = tenant_named(entry.tenant)
    numbers = read_numbers(entry, (*_CONTRACT_QUANTITIES, *_CONTRACT_PRICES))
    prices = {name: getattr(entry, name) for name in (*_CONTRACT_PRICES, "burst_tiers")}
    parse_burst_prices(prices, path="")
    _check_quantities(entry, numbers)
    values = numbers | {
        "burst_tiers": entry.burst_tiers,
        "granularity_ms": entry.granularity_ms,
        "minimum_ms": entry.minimum_ms,
    }
    key = {"tenant": tenant, "chip": entry.chip, "valid_from": entry.valid_from}
    yield upsert(BurstContract, key, values)


def _chip_source(entry: ChipSourceEntry) -> Iterator[Saved]:
    key = {"tenant": tenant_named(entry.tenant), "kind": entry.kind, "url": entry.url}
    names = ("chip", "every_seconds", "enabled")
    yield upsert(ChipSource, key, {name: getattr(entry, name) for name in names})


def _budget(entry: BudgetEntry) -> Iterator[Saved]:
    amount = not_negative(entry.amount, "amount")
    if not amount:
        raise ConfigurationError("amount: must be above 0; enabled: false takes a budget back")
    label, _, value = entry.label.partition("=")
    key = {"tenant": tenant_named(entry.tenant), "code": entry.code}
    values = {name: getattr(entry, name) for name in ("period", "agent", "hard", "enabled")}
    yield upsert(Budget, key, values | {"amount": amount, "label": label, "value": value})


def _alert_channel(entry: AlertChannelEntry) -> Iterator[Saved]:
    key = {"tenant": tenant_named(entry.tenant), "kind": entry.kind, "address": entry.address}
    yield upsert(AlertChannel, key, {"enabled": entry.enabled})


def _check_quantities(entry: ContractEntry, numbers: Mapping[str, Decimal | None]) -> None:
    """Refuse what bursts could not be measured with, here and not when the month is closed."""
    quantities = {name: numbers[name] or ZERO for name in _CONTRACT_QUANTITIES}
    try:
        BurstTerms(granularity_ms=entry.granularity_ms, minimum_ms=entry.minimum_ms, **quantities)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error


def _price_key(
    model: type[TokenPrice | ChipPrice | ToolPrice], entry: PriceEntry
) -> dict[str, object]:
    return {name: getattr(entry, name) for name in model.KEY}


def _refuse_two_ways(document: Document) -> None:
    """A plan is named without a date or with dates: a file that did both would never rest."""
    dated = {entry.tenant for entry in document.subscriptions}
    for n, entry in enumerate(document.tenants):
        if entry.slug in dated and isinstance(entry.plan, str):
            problem = "the subscriptions of this file say it, with dates; leave it out here"
            raise ConfigurationError(f"tenants[{n}].plan: {problem}")


def _refuse_mixed_currencies() -> None:
    for subscription in Subscription.objects.select_related("tenant", "plan"):
        tenant, plan = subscription.tenant, subscription.plan
        if tenant.currency != plan.currency:
            raise ConfigurationError(
                f"tenant {tenant} is in {tenant.currency}, but its plan {plan} in {plan.currency}"
            )


def _message(error: ChargeError | ValidationError) -> str:
    if isinstance(error, ChargeError):
        return str(error)
    return "; ".join(f"{field}: {' '.join(texts)}" for field, texts in error.message_dict.items())
