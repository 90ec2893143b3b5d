"""What differs between our invoices and Stripe's, a row each: for a command, a page and a file."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from decimal import Decimal
from itertools import takewhile

from django.db.models import QuerySet
from django.utils import timezone

from billing.exports.csv_writer import csv_lines
from billing.models import Invoice
from billing.rating.money import EXACT, ZERO
from billing.standing import standing
from billing.stripe_sync.amounts import NotRepresentableError, from_stripe
from billing.stripe_sync.customers import MARGIN
from billing.stripe_sync.gateway import Gateway
from billing.stripe_sync.records import StripeCustomer, StripePush
from billing.stripe_sync.remote import RemoteCreditNote, RemoteInvoice

_OPEN, _PAID = "open", "paid"
_STATUS = {
    Invoice.Status.FINALIZED: _OPEN,
    Invoice.Status.PAID: _PAID,
    Invoice.Status.VOID: "void",
    Invoice.Status.UNCOLLECTIBLE: "uncollectible",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is not the same: what of it is `ours`, and what is `theirs`."""

    kind: str
    number: str
    tenant: str
    month: str
    remote_id: str
    ours: str
    theirs: str
    note: str = ""


COLUMNS = tuple(field.name for field in fields(Difference))


def differences(month: str = "", gateway: Gateway | None = None) -> list[Difference]:
    """Of one month's invoices, or of all. Raises TryLaterError where Stripe does not answer.

    Reads all of Stripe's invoices and credit notes that are not older than ours, by pages.
    """
    gateway = gateway or Gateway()
    pushes = {str(push.identity): push for push in StripePush.objects.all()}
    ours = _ours(month)
    mine = [push for push in pushes.values() if push.invoice_id in {row.pk for row in ours}]
    since = min((push.created_at for push in mine), default=timezone.now()) - MARGIN
    invoices, notes = _theirs(gateway, since.timestamp() if month else 0)
    found = list(_of_ours(ours, pushes, invoices, notes))
    return found + list(_unknown([*invoices.values()], pushes, month))


def as_csv(rows: Iterable[Difference]) -> Iterator[bytes]:
    """The same as a file."""
    return csv_lines(COLUMNS, (list(astuple(row)) for row in rows))


def _ours(month: str) -> list[Invoice]:
    rows = Invoice.objects.exclude(status=Invoice.Status.DRAFT).select_related("tenant")
    rows = rows.prefetch_related("payments").order_by("number")
    return list(rows.filter(month=f"{month}-01") if month else rows)


def _theirs(
    gateway: Gateway, since: float
) -> tuple[dict[str, RemoteInvoice], dict[str, list[RemoteCreditNote]]]:
    listed = takewhile(lambda item: item.created >= since, gateway.invoices())
    invoices = {invoice.id: invoice for invoice in listed}
    notes: dict[str, list[RemoteCreditNote]] = defaultdict(list)
    for note in takewhile(lambda item: item.created >= since, gateway.credit_notes()):
        if note.status != "void":
            notes[note.identity or note.id].append(note)
    return invoices, notes


def _of_ours(
    ours: Iterable[Invoice],
    pushes: dict[str, StripePush],
    invoices: dict[str, RemoteInvoice],
    notes: dict[str, list[RemoteCreditNote]],
) -> Iterator[Difference]:
    by_invoice = {push.invoice_id: push for push in pushes.values()}
    by_identity = {invoice.identity: invoice for invoice in invoices.values() if invoice.identity}
    for invoice in ours:
        push = by_invoice.get(invoice.pk)
        identity = str(push.identity) if push else ""
        if invoice.kind == Invoice.Kind.CREDIT_NOTE:
            yield from _of_note(invoice, push, notes.get(identity, []))
        elif theirs := by_identity.get(identity):
            yield from _of_both(invoice, push, theirs)
        elif invoice.status != Invoice.Status.VOID:
            yield _missing(invoice, push)


def _of_both(
    invoice: Invoice, push: StripePush | None, theirs: RemoteInvoice
) -> Iterator[Difference]:
    for kind, here, there in (
        ("number", str(invoice.number), theirs.number or ""),
        ("currency", invoice.currency, theirs.currency.upper()),
        ("amount", f"{invoice.amount_due:f}", _amount(theirs.total, invoice.currency)),
        ("status", _status(invoice), theirs.status or ""),
        ("paid", _paid_here(invoice), _paid_there(invoice, theirs)),
    ):
        if here != there:
            yield _difference(kind, invoice, push, theirs.id, here, there)


def _of_note(
    note: Invoice, push: StripePush | None, theirs: list[RemoteCreditNote]
) -> Iterator[Difference]:
    void = note.status == Invoice.Status.VOID
    if not theirs and not void:
        yield _missing(note, push)
        return
    there = _amount(-sum(item.total for item in theirs), note.currency)
    here = _amount(0, note.currency) if void else f"{note.amount_due:f}"
    if here != there:
        ids = " ".join(item.id for item in theirs)
        yield _difference("amount", note, push, ids, here, there)


def _unknown(
    invoices: list[RemoteInvoice], pushes: dict[str, StripePush], month: str
) -> Iterator[Difference]:
    """Made for our customers or in our name, and not by what is here."""
    customers = {c.remote_id: c.tenant.slug for c in _customers() if c.remote_id}
    for theirs in invoices:
        said = theirs.metadata or {}
        its_month = said.get("daybook_month", "")
        of_ours = theirs.customer in customers or theirs.identity
        if theirs.identity in pushes or not of_ours or (month and its_month != month):
            continue
        yield Difference(
            kind="unknown",
            number=theirs.number or "",
            tenant=customers.get(theirs.customer or "", said.get("daybook_tenant", "")),
            month=its_month,
            remote_id=theirs.id,
            ours="",
            theirs=f"{theirs.status} {_amount(theirs.total, theirs.currency.upper())}",
            note="at Stripe only",
        )


def _customers() -> "QuerySet[StripeCustomer]":
    return StripeCustomer.objects.select_related("tenant")


def _missing(invoice: Invoice, push: StripePush | None) -> Difference:
    here = f"{invoice.status} {invoice.amount_due:f}"
    return _difference("missing", invoice, push, push.remote_id if push else "", here, "")


def _difference(
    kind: str, invoice: Invoice, push: StripePush | None, remote_id: str, here: str, there: str
) -> Difference:
    return Difference(
        kind=kind,
        number=str(invoice.number),
        tenant=invoice.tenant.slug,
        month=f"{invoice.month:%Y-%m}",
        remote_id=remote_id,
        ours=here,
        theirs=there,
        note=_note(push),
    )


def _note(push: StripePush | None) -> str:
    """Whether it will go away by itself."""
    if push is None:
        return "was never queued"
    if push.state == StripePush.State.DONE:
        return ""
    return f"{push.state}: {push.last_error}" if push.last_error else push.state


def _status(invoice: Invoice) -> str:
    """Stripe takes what asks for nothing as paid."""
    due = invoice.amount_due
    nothing = invoice.status == Invoice.Status.FINALIZED and not due
    return _PAID if nothing else _STATUS[Invoice.Status(invoice.status)]


def _paid_here(invoice: Invoice) -> str:
    return f"{standing(invoice).paid:f}"


def _paid_there(invoice: Invoice, theirs: RemoteInvoice) -> str:
    """Of an invoice that is paid all that it asked for, however that was settled."""
    settled = theirs.amount_paid + theirs.pre_payment_credit_notes_amount
    if theirs.status == _PAID:
        settled = max(settled, theirs.total)
    return _amount(settled, invoice.currency)


def _amount(number: int, currency: str) -> str:
    try:
        amount: Decimal = EXACT.add(from_stripe(number, currency), ZERO)
    except (NotRepresentableError, ValueError):
        return str(number)
    return f"{amount:f}"
