"""Brings tenants, plans, prices and more to what a file says, and says what changed.

What the file leaves out stays as it is. Plans and prices may be edited at any time, also versions
that invoices were made from: a finalized invoice carries the terms it was priced from.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import models, transaction
from msgspec import UNSET

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
from billing.models import BurstContract, ChipPrice, Plan, Subscription, TokenPrice, ToolPrice
from billing.parties import BillingDetails
from billing.plans import apply_plans
from billing.rating.burst import parse_burst_prices
from billing.rating.errors import ChargeError
from billing.rating.money import ZERO, plain
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


@dataclass(frozen=True, slots=True)
class _Saved:
    """A row that now is as the file says, and the line that says so if it was not before."""

    row: Any
    change: str | None


def apply_configuration(document: Document, *, dry_run: bool = False) -> list[str]:
    """All of the document or, when anything in it is wrong, nothing. Raises ConfigurationError."""
    with transaction.atomic():
        changes = [
            *apply_plans(document.plans),
            *_each("tenants", document.tenants, _tenant),
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


def _each(section: str, entries: list[E], apply: Callable[[E], Iterator[_Saved]]) -> Iterator[str]:
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


def _tenant(entry: TenantEntry) -> Iterator[_Saved]:
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
    yield _save(tenant, given, f"tenant {entry.slug}")
    yield from _billing_details(tenant, entry)
    if isinstance(entry.plan, str):
        plan = Plan.objects.filter(code=entry.plan).first()
        if plan is None:
            raise ConfigurationError(f"plan: there is no plan {entry.plan!r}")
        yield _Saved(tenant, put_on_plan(tenant, plan))


def _billing_details(tenant: Tenant, entry: TenantEntry) -> Iterator[_Saved]:
    given = {name: getattr(entry, name) for name in BillingDetails.FIELDS}
    given = {name: value for name, value in given.items() if value is not UNSET}
    if given:
        row = BillingDetails.objects.filter(tenant=tenant).first() or BillingDetails(tenant=tenant)
        yield _save(row, given, str(row))


def _price(entry: PriceEntry) -> Iterator[_Saved]:
    values: dict[str, Any] = {"currency": entry.currency}
    if isinstance(entry, TokenPriceEntry):
        values |= {"per": entry.per, **_numbers(entry, _TOKEN_CLASSES)}
        if all(values[name] is None for name in _TOKEN_CLASSES):
            raise ConfigurationError(f"input: or another of {', '.join(_TOKEN_CLASSES)} is missing")
        yield _upsert(TokenPrice, _price_key(TokenPrice, entry), values)
    elif isinstance(entry, ChipPriceEntry):
        yield _upsert(
            ChipPrice, _price_key(ChipPrice, entry), values | _numbers(entry, ("per_second",))
        )
    else:
        yield _upsert(
            ToolPrice, _price_key(ToolPrice, entry), values | _numbers(entry, ("per_unit",))
        )


def _tenant_of(
    entry: ContractEntry | ChipSourceEntry | BudgetEntry | AlertChannelEntry,
) -> Tenant:
    tenant = Tenant.objects.filter(slug=entry.tenant).first()
    if tenant is None:
        raise ConfigurationError(f"tenant: there is no tenant {entry.tenant!r}")
    return tenant


def _contract(entry: ContractEntry) -> Iterator[_Saved]:
    tenant = _tenant_of(entry)
    numbers = _numbers(entry, (*_CONTRACT_QUANTITIES, *_CONTRACT_PRICES))
    prices = {name: getattr(entry, name) for name in (*_CONTRACT_PRICES, "burst_tiers")}
    parse_burst_prices(prices, path="")
    _check_quantities(entry, numbers)
    values = numbers | {
        "burst_tiers": entry.burst_tiers,
        "granularity_ms": entry.granularity_ms,
        "minimum_ms": entry.minimum_ms,
    }
    key = {"tenant": tenant, "chip": entry.chip, "valid_from": entry.valid_from}
    yield _upsert(BurstContract, key, values)


def _chip_source(entry: ChipSourceEntry) -> Iterator[_Saved]:
    key = {"tenant": _tenant_of(entry), "kind": entry.kind, "url": entry.url}
    names = ("chip", "every_seconds", "enabled")
    yield _upsert(ChipSource, key, {name: getattr(entry, name) for name in names})


def _budget(entry: BudgetEntry) -> Iterator[_Saved]:
    amount = not_negative(entry.amount, "amount")
    if not amount:
        raise ConfigurationError("amount: must be above 0; enabled: false takes a budget back")
    label, _, value = entry.label.partition("=")
    key = {"tenant": _tenant_of(entry), "code": entry.code}
    values = {name: getattr(entry, name) for name in ("period", "agent", "hard", "enabled")}
    yield _upsert(Budget, key, values | {"amount": amount, "label": label, "value": value})


def _alert_channel(entry: AlertChannelEntry) -> Iterator[_Saved]:
    key = {"tenant": _tenant_of(entry), "kind": entry.kind, "address": entry.address}
    yield _upsert(AlertChannel, key, {"enabled": entry.enabled})


def _check_quantities(entry: ContractEntry, numbers: Mapping[str, Decimal | None]) -> None:
    """Refuse what bursts could not be measured with, here and not when the month is closed."""
    quantities = {name: numbers[name] or ZERO for name in _CONTRACT_QUANTITIES}
    try:
        BurstTerms(granularity_ms=entry.granularity_ms, minimum_ms=entry.minimum_ms, **quantities)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error


def _numbers(entry: object, names: tuple[str, ...]) -> dict[str, Decimal | None]:
    given = {name: getattr(entry, name) for name in names}
    return {
        name: None if value is None else not_negative(value, name) for name, value in given.items()
    }


_Keyed = TokenPrice | ChipPrice | ToolPrice | BurstContract | ChipSource | Budget | AlertChannel
_KINDS: dict[type[_Keyed], str] = {
    TokenPrice: "price of model",
    ChipPrice: "price of chip",
    ToolPrice: "price of tool",
    BurstContract: "contract",
    ChipSource: "chip source",
    Budget: "budget",
    AlertChannel: "alert channel",
}


def _upsert(model: type[_Keyed], key: Mapping[str, Any], values: Mapping[str, Any]) -> _Saved:
    row = model._default_manager.filter(**key).first() or model(**key)
    return _save(row, values, f"{_KINDS[model]} {row}")


def _price_key(
    model: type[TokenPrice | ChipPrice | ToolPrice], entry: PriceEntry
) -> dict[str, object]:
    return {name: getattr(entry, name) for name in model.KEY}


def _save(row: models.Model, values: Mapping[str, Any], label: str) -> _Saved:
    """Write the row if it is new or differs."""
    new = row.pk is None
    changed = {name: value for name, value in values.items() if getattr(row, name) != value}
    told = ", ".join(
        f"{name} {_told(getattr(row, name))} → {_told(value)}" for name, value in changed.items()
    )
    for name, value in changed.items():
        setattr(row, name, value)
    if new or changed:
        row.full_clean()
        row.save()
    if new:
        return _Saved(row, f"+ {label}")
    return _Saved(row, f"~ {label}: {told}" if changed else None)


def _told(value: object) -> str:
    if isinstance(value, Decimal):
        return plain(value)
    return "none" if value is None else "(empty)" if value == "" else str(value)


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
