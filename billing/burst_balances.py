"""Burst credits at moments of the past, so that a month need not be measured from years ago.

A balance is a function of a contract's quantities and of the events received before a watermark.
It holds later on as well, unless an interval has come since that begins before its moment.
"""

import hashlib
from datetime import datetime
from decimal import Decimal
from typing import Protocol

import msgspec

from billing.models import BurstBalance
from billing.rating.money import ZERO, plain
from billing.terms import ContractTerms
from metering import queries
from metering.models import Tenant

Balance = tuple[datetime, Decimal]


class Balances(Protocol):
    """Where balances are looked up and kept."""

    def latest(
        self, tenant: Tenant, contract: ContractTerms, moment: datetime, watermark: datetime | None
    ) -> Balance:
        """The last known balance up to a moment, as of a watermark or now; else the start's."""

    def keep(
        self,
        tenant: Tenant,
        contract: ContractTerms,
        balance: Balance,
        watermark: datetime | None,
    ) -> None:
        """Remember a balance that was measured."""


class KeptBalances:
    """Balances in the database. They may all be deleted: the next close measures them again."""

    def latest(
        self, tenant: Tenant, contract: ContractTerms, moment: datetime, watermark: datetime | None
    ) -> Balance:
        known = BurstBalance.objects.filter(
            tenant_id=tenant.pk, terms=_digest(contract), moment__lte=moment
        )
        if watermark is not None:
            known = known.filter(watermark__lte=watermark)
        for kept in known.order_by("-moment"):
            if not queries.chips_received(
                tenant, contract.chip, kept.moment, kept.watermark, watermark
            ):
                return kept.moment, kept.credits
        return contract.start, ZERO

    def keep(
        self,
        tenant: Tenant,
        contract: ContractTerms,
        balance: Balance,
        watermark: datetime | None,
    ) -> None:
        if watermark is None:  # A report has none, and what it saw may not be settled yet.
            return
        moment, credits_left = balance
        BurstBalance.objects.bulk_create(
            [
                BurstBalance(
                    tenant_id=tenant.pk,
                    chip=contract.chip,
                    terms=_digest(contract),
                    moment=moment,
                    watermark=watermark,
                    credits=credits_left,
                )
            ],
            update_conflicts=True,
            unique_fields=["tenant", "terms", "moment"],
            update_fields=["watermark", "credits"],
        )


class RecountedBalances:
    """Nothing is known but what was measured on the way: for a proof from raw events."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, str, datetime | None], dict[datetime, Decimal]] = {}

    def latest(
        self, tenant: Tenant, contract: ContractTerms, moment: datetime, watermark: datetime | None
    ) -> Balance:
        known = self._known.get((tenant.pk, _digest(contract), watermark), {})
        last = max((at for at in known if at <= moment), default=None)
        return (contract.start, ZERO) if last is None else (last, known[last])

    def keep(
        self,
        tenant: Tenant,
        contract: ContractTerms,
        balance: Balance,
        watermark: datetime | None,
    ) -> None:
        moment, credits_left = balance
        self._known.setdefault((tenant.pk, _digest(contract), watermark), {})[moment] = credits_left


def _digest(contract: ContractTerms) -> str:
    """Of everything that credits depend on beside the events."""
    terms = (
        contract.chip,
        contract.start,
        plain(contract.baseline),
        plain(contract.credit_accrual),
        plain(contract.credit_cap),
        contract.granularity_ms,
        contract.minimum_ms,
    )
    return hashlib.sha256(msgspec.json.encode(terms)).hexdigest()
