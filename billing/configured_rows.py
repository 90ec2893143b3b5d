"""Rows brought to what an entry of a file says, each with the line that says what changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import models

from billing.budgets.models import Budget
from billing.concessions import Coupon, TenantCharge
from billing.configuration_schema import ConfigurationError
from billing.models import (
    BurstContract,
    ChipPrice,
    Plan,
    Subscription,
    TokenPrice,
    ToolPrice,
)
from billing.rating.money import fits, minor_units, plain
from billing.rating.numeric import not_negative
from metering.models import ChipSource, Tenant
from metering.notices.models import AlertChannel


@dataclass(frozen=True, slots=True)
class Saved:
    """A row that now is as the file says, and the line that says so if it was not before."""

    row: Any
    change: str | None


def tenant_named(slug: str) -> Tenant:
    """The tenant that an entry is for."""
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise ConfigurationError(f"tenant: there is no tenant {slug!r}")
    return tenant


def plan_named(code: str) -> Plan:
    """The plan that an entry is about."""
    plan = Plan.objects.filter(code=code).first()
    if plan is None:
        raise ConfigurationError(f"plan: there is no plan {code!r}")
    return plan


def read_numbers(entry: object, names: tuple[str, ...]) -> dict[str, Decimal | None]:
    """The amounts of an entry, null where it leaves one out."""
    given = {name: getattr(entry, name) for name in names}
    return {
        name: None if value is None else not_negative(value, name) for name, value in given.items()
    }


def check_minor_units(amount: Decimal, currency: str, path: str) -> None:
    """Refuse an amount that no invoice could bear, as it would have to be rounded."""
    if not fits(amount, currency):
        places = minor_units(currency)
        raise ConfigurationError(
            f"{path}: {currency} has {places} decimals, so {plain(amount)} cannot be billed"
        )


_Keyed = (
    TokenPrice
    | ChipPrice
    | ToolPrice
    | BurstContract
    | ChipSource
    | Subscription
    | Coupon
    | TenantCharge
    | Budget
    | AlertChannel
)
_KINDS: dict[type[_Keyed], str] = {
    TokenPrice: "price of model",
    ChipPrice: "price of chip",
    ToolPrice: "price of tool",
    BurstContract: "contract",
    ChipSource: "chip source",
    Subscription: "subscription",
    Coupon: "coupon",
    TenantCharge: "own charge",
    Budget: "budget",
    AlertChannel: "alert channel",
}


def upsert(model: type[_Keyed], key: Mapping[str, Any], values: Mapping[str, Any]) -> Saved:
    """The row with that key, made where there is none, with these values."""
    row = model._default_manager.filter(**key).first() or model(**key, **values)
    return save(row, values, f"{_KINDS[model]} {row}")


def save(row: models.Model, values: Mapping[str, Any], label: str) -> Saved:
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
        return Saved(row, f"+ {label}")
    return Saved(row, f"~ {label}: {told}" if changed else None)


def _told(value: object) -> str:
    if isinstance(value, Decimal):
        return plain(value)
    return "none" if value is None else "(empty)" if value == "" else str(value)
