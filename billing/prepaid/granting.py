"""Topping up: a grant is made once for each key, however often it is asked for."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from billing.prepaid.booking import lock
from billing.prepaid.models import CreditGrant, CreditMovement
from billing.rating.money import ZERO, minor_units, plain, round_money
from metering import audit
from metering.models import Tenant


class GrantError(ValueError):
    """A grant that cannot be made; the message begins with the field at fault."""


class GrantConflict(GrantError):
    """The key was used for a grant with other content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUp:
    """What is asked for; None is what goes without saying: from now on, and without an end."""

    key: str
    amount: Decimal
    currency: str
    priority: int = CreditGrant.USUAL_PRIORITY
    effective_at: datetime | None = None
    expires_at: datetime | None = None
    reason: str = ""


def grant(tenant: Tenant, top_up: TopUp) -> tuple[CreditGrant, bool]:
    """The grant of this key, and whether it is new. Raises GrantError, GrantConflict."""
    _check(top_up)
    with transaction.atomic():
        lock([tenant.pk])
        found = CreditGrant.objects.filter(tenant=tenant, key=top_up.key).first()
        if found is not None:
            _check_same(found, top_up)
            return found, False
        return _granted(tenant, top_up), True


def _granted(tenant: Tenant, top_up: TopUp) -> CreditGrant:
    begins = top_up.effective_at or timezone.now()
    if top_up.expires_at is not None and top_up.expires_at <= begins:
        raise GrantError("expires_at: must be after effective_at")
    made = CreditGrant.objects.create(
        tenant=tenant,
        key=top_up.key,
        amount=round_money(top_up.amount, top_up.currency),
        currency=top_up.currency,
        priority=top_up.priority,
        effective_at=begins,
        expires_at=top_up.expires_at,
        reason=top_up.reason,
    )
    CreditMovement.objects.create(
        grant=made,
        sequence=1,
        key="grant",
        kind=CreditMovement.Kind.GRANTED,
        amount=made.amount,
        left=made.amount,
    )
    audit.record("credits.granted", made.key, tenant, amount=f"{made.amount:f} {made.currency}")
    return made


def _check(top_up: TopUp) -> None:
    if not 1 <= len(top_up.key) <= 200:
        raise GrantError("key: must have 1 to 200 characters")
    try:
        places = minor_units(top_up.currency)
    except ValueError as error:
        raise GrantError(f"currency: {error}") from None
    if top_up.amount <= ZERO:
        raise GrantError("amount: must be above 0")
    if round_money(top_up.amount, top_up.currency) != top_up.amount:
        raise GrantError(f"amount: {top_up.currency} has {places} decimals")
    if not 0 <= top_up.priority <= 32_767:
        raise GrantError("priority: must be from 0 to 32767; the lowest is drawn first")
    if len(top_up.reason) > 200:
        raise GrantError("reason: must have at most 200 characters")


def _check_same(found: CreditGrant, top_up: TopUp) -> None:
    """What was left open the second time is no other content than what it became."""
    for name in ("amount", "currency", "priority", "effective_at", "expires_at", "reason"):
        then, now = getattr(found, name), getattr(top_up, name)
        if now != then and not (name == "effective_at" and now is None):
            raise GrantConflict(
                f"{name}: key {top_up.key!r} was granted with {_told(then)}, not {_told(now)}"
            )


def _told(value: object) -> str:
    return plain(value) if isinstance(value, Decimal) else str(value or "none")
