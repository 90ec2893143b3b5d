"""Which invoices of earlier months may have to be corrected; the others need not be rated again.

An invoice was right as of a watermark: its own, or that of a later month's invoice, which corrected
what there was to correct. Only what was received since, or the terms, can have changed it. Whoever
is in doubt rates again: `verify_invoice` rates all of them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import TextField
from django.db.models.functions import Cast

from billing.models import BurstContract, Invoice, InvoiceLine
from billing.replanned import replanned
from billing.restatement import Restatement
from billing.terms import Terms
from metering.meter_days import chips_begun, derived_since
from metering.models import Tenant
from metering.usage.period import micros

_NOT_COUNTING = (Invoice.Status.DRAFT, Invoice.Status.VOID)
_MICROSECOND = timedelta(microseconds=1)
_HEAVY = ("snapshot", "parties", "unpriced", "not_charged")
# Words in the terms of whatever looks at events outside of its period. One that stands there for
# something else costs a look too many.
_LOOKS_AROUND = "effective_tokens"
_LOOKS_BACK = "time_weighted"
_HOLDS_CHIPS = "burst"


@dataclass(slots=True)
class _Signs:
    """What the store and the database say of a chunk of tenants' earlier invoices."""

    # By tenant and day: as of when (µs) what is known of it was derived.
    derived: Mapping[int, Mapping[date, int]] = field(default_factory=dict)
    # By tenant: the earliest start of a chip's interval among what was received or beaten lately.
    chips: Mapping[int, datetime] = field(default_factory=dict)
    # By tenant the contracts there are, and by invoice the chips that it knows one of.
    contracts: Mapping[int, Sequence[tuple[str, date]]] = field(default_factory=dict)
    contracted: Mapping[int, set[str]] = field(default_factory=dict)
    words: Mapping[str, set[int]] = field(default_factory=dict)
    undone: set[int] = field(default_factory=set)
    replanned: set[int] = field(default_factory=set)


def earlier_invoices(
    asked: Sequence[tuple[Tenant, Terms]], watermark: datetime
) -> list[list[tuple[Invoice, bool]]]:
    """For each tenant its invoices of earlier periods, oldest first, and whether one may differ."""
    by_tenant = _by_tenant(asked)
    right = {
        invoice.pk: _right_as_of(invoice, invoices)
        for invoices in by_tenant.values()
        for invoice in invoices
    }
    signs = _read_signs(by_tenant, right, watermark)
    return [
        [
            (invoice, _may_differ(tenant, invoice, right[invoice.pk], signs))
            for invoice in by_tenant.get(tenant.pk, ())
            if invoice.reason == "month" and invoice.period_end <= terms.start
        ]
        for tenant, terms in asked
    ]


def _by_tenant(asked: Sequence[tuple[Tenant, Terms]]) -> dict[int, list[Invoice]]:
    rows = Invoice.objects.filter(tenant__in=[tenant.pk for tenant, _ in asked])
    rows = rows.exclude(status__in=_NOT_COUNTING).order_by("month", "pk").defer(*_HEAVY)
    found: dict[int, list[Invoice]] = defaultdict(list)
    for invoice in rows:
        found[invoice.tenant_id].append(invoice)
    return found


def _right_as_of(invoice: Invoice, others: Iterable[Invoice]) -> int:
    """The watermark (µs) as of which nothing of the invoice was left to correct."""
    later = [
        other.watermark
        for other in others
        if other.reason == "month"
        and other.period_start >= invoice.period_end
        and _finalized(other) > _finalized(invoice)
    ]
    return micros(max([invoice.watermark, *later]))


def _finalized(invoice: Invoice) -> datetime:
    assert invoice.finalized_at is not None, "it counts, so it was finalized"  # noqa: S101
    return invoice.finalized_at


def _read_signs(
    by_tenant: Mapping[int, Sequence[Invoice]], right: Mapping[int, int], watermark: datetime
) -> _Signs:
    if not right:
        return _Signs()
    since = {
        pk: min(right[invoice.pk] for invoice in invoices) for pk, invoices in by_tenant.items()
    }
    words = {word: _saying(word, right) for word in (_LOOKS_AROUND, _LOOKS_BACK, _HOLDS_CHIPS)}
    holding = words[_HOLDS_CHIPS]
    with_chips = {
        pk: moment
        for pk, moment in since.items()
        if any(invoice.pk in holding for invoice in by_tenant[pk])
    }
    voided = InvoiceLine.objects.filter(corrects__in=right, invoice__status=Invoice.Status.VOID)
    return _Signs(
        derived=derived_since(since, watermark),
        chips=chips_begun(with_chips, watermark),
        contracts=_contracts(with_chips),
        contracted=_contracted(holding),
        words=words,
        undone=set(voided.values_list("corrects", flat=True)) | _restated(right),
        replanned=replanned(by_tenant),
    )


def _saying(word: str, invoices: Iterable[int]) -> set[int]:
    """Those whose terms have the word somewhere."""
    rows = Invoice.objects.filter(pk__in=list(invoices))
    rows = rows.annotate(said=Cast("snapshot", TextField())).filter(said__contains=word)
    return set(rows.values_list("pk", flat=True))


def _restated(invoices: Iterable[int]) -> set[int]:
    """Those that other terms took the place of, which may yet have to be booked."""
    rows = Restatement.objects.filter(invoice__in=list(invoices))
    return set(rows.values_list("invoice", flat=True))


def _contracts(tenants: Iterable[int]) -> dict[int, list[tuple[str, date]]]:
    """By tenant the chips that have a contract by now, and from when on."""
    found: dict[int, list[tuple[str, date]]] = defaultdict(list)
    rows = BurstContract.objects.filter(tenant__in=list(tenants))
    for tenant, chip, valid_from in rows.values_list("tenant_id", "chip", "valid_from"):
        found[tenant].append((chip, valid_from))
    return found


def _contracted(invoices: Iterable[int]) -> dict[int, set[str]]:
    """By invoice the chips that its terms have a contract of."""
    rows = Invoice.objects.filter(pk__in=list(invoices)).values_list("pk", "snapshot")
    return {
        pk: {contract["chip"] for contract in snapshot["terms"]["contracts"]}
        for pk, snapshot in rows
    }


def _may_differ(tenant: Tenant, invoice: Invoice, right: int, signs: _Signs) -> bool:
    if invoice.pk in signs.undone | signs.replanned | signs.words[_LOOKS_AROUND]:
        return True
    clock = ZoneInfo(tenant.timezone)
    first = invoice.period_start.astimezone(clock).date()
    last = (invoice.period_end - _MICROSECOND).astimezone(clock).date()
    if invoice.pk in signs.words[_LOOKS_BACK]:
        first = date.min
    changed = (day for day, at in signs.derived.get(tenant.pk, {}).items() if at > right)
    if any(first <= day <= last for day in changed):
        return True
    return invoice.pk in signs.words[_HOLDS_CHIPS] and _chips_may_differ(
        tenant, invoice, last, signs
    )


def _chips_may_differ(tenant: Tenant, invoice: Invoice, last: date, signs: _Signs) -> bool:
    """Whether an interval may reach into the period, or a chip got its first contract."""
    begun = signs.chips.get(tenant.pk)
    if begun is not None and begun < invoice.period_end:
        return True
    known = signs.contracted[invoice.pk]
    contracts = signs.contracts.get(tenant.pk, ())
    return any(chip not in known and valid_from <= last for chip, valid_from in contracts)
