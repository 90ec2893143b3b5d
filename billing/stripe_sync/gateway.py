"""Calls to Stripe: the one place that imports its library. Answers are values of remote.py.

What goes wrong becomes one of two: Refused, where asking again is of no use, or TryLater.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, TypeVar

import msgspec
import stripe
from django.conf import settings

from billing.stripe_sync.remote import (
    RemoteCreditNote,
    RemoteCustomer,
    RemoteInvoice,
    RemoteLine,
    RemotePayment,
)

_CONNECT_SECONDS, _READ_SECONDS = 5, 40
_PAGE = 100
# A card that was declined is not better a minute later.
_CARD_SECONDS = 24 * 3600.0
T = TypeVar("T")
Params = Mapping[str, Any]

# What was how fast is nobody's business.
stripe.enable_telemetry = False


class RefusedError(Exception):
    """Why it cannot be, in one sentence; a person has to look at it."""

    answered = True


@dataclass
class TryLaterError(Exception):
    """It may be possible later. `answered`: Stripe said no, so the next call needs a new key."""

    message: str
    answered: bool = False
    # Others would fare no better now: Stripe is down, or we are too fast.
    stop: bool = False
    seconds: float | None = None

    def __str__(self) -> str:
        return self.message


class Gateway:
    """Every call that is made. Whatever writes takes an idempotency key."""

    def __init__(self) -> None:
        self._v1 = _client(settings.STRIPE_API_KEY, settings.STRIPE_API_BASE).v1

    def customer(self, remote_id: str) -> RemoteCustomer:
        return _one(RemoteCustomer, lambda: self._v1.customers.retrieve(remote_id))

    def customers(self) -> Iterator[RemoteCustomer]:
        return _pages(RemoteCustomer, self._v1.customers.list, {})

    def create_customer(self, key: str, params: Params) -> RemoteCustomer:
        return _one(RemoteCustomer, lambda: self._v1.customers.create(dict(params), _by(key)))

    def invoice(self, remote_id: str) -> RemoteInvoice:
        return _one(RemoteInvoice, lambda: self._v1.invoices.retrieve(remote_id))

    def invoices(self, **params: str) -> Iterator[RemoteInvoice]:
        return _pages(RemoteInvoice, self._v1.invoices.list, params)

    def create_invoice(self, key: str, params: Params) -> RemoteInvoice:
        return _one(RemoteInvoice, lambda: self._v1.invoices.create(dict(params), _by(key)))

    def lines(self, remote_id: str) -> Iterator[RemoteLine]:
        listed = self._v1.invoices.line_items.list
        return _pages(RemoteLine, lambda params: listed(remote_id, params), {})

    def add_lines(self, key: str, remote_id: str, lines: list[dict[str, Any]]) -> RemoteInvoice:
        add, params = self._v1.invoices.add_lines, {"lines": lines}
        return _one(RemoteInvoice, lambda: add(remote_id, params, _by(key)))

    def finalize(self, key: str, remote_id: str) -> RemoteInvoice:
        call, params = self._v1.invoices.finalize_invoice, {"auto_advance": False}
        return _one(RemoteInvoice, lambda: call(remote_id, params, _by(key)))

    def pay(self, key: str, remote_id: str, *, out_of_band: bool) -> RemoteInvoice:
        params = {"paid_out_of_band": True} if out_of_band else {}
        return _one(RemoteInvoice, lambda: self._v1.invoices.pay(remote_id, params, _by(key)))

    def void(self, key: str, remote_id: str) -> RemoteInvoice:
        call = self._v1.invoices.void_invoice
        return _one(RemoteInvoice, lambda: call(remote_id, {}, _by(key)))

    def mark_uncollectible(self, key: str, remote_id: str) -> RemoteInvoice:
        call = self._v1.invoices.mark_uncollectible
        return _one(RemoteInvoice, lambda: call(remote_id, {}, _by(key)))

    def delete_draft(self, remote_id: str) -> None:
        _called(lambda: self._v1.invoices.delete(remote_id))

    def payments(self, remote_id: str) -> Iterator[RemotePayment]:
        params = {"invoice": remote_id, "status": "paid"}
        return _pages(RemotePayment, self._v1.invoice_payments.list, params)

    def credit_notes(self, **params: str) -> Iterator[RemoteCreditNote]:
        return _pages(RemoteCreditNote, self._v1.credit_notes.list, params)

    def create_credit_note(self, key: str, params: Params) -> RemoteCreditNote:
        return _one(RemoteCreditNote, lambda: self._v1.credit_notes.create(dict(params), _by(key)))

    def void_credit_note(self, key: str, remote_id: str) -> RemoteCreditNote:
        call = self._v1.credit_notes.void_credit_note
        return _one(RemoteCreditNote, lambda: call(remote_id, {}, _by(key)))

    def send_meter_event(self, key: str, params: Params) -> None:
        _called(lambda: self._v1.billing.meter_events.create(dict(params), _by(key)))


def check_signature(body: bytes, header: str, secret: str, tolerance: int) -> bool:
    """Whether Stripe, or whoever has the secret, sent these bytes lately."""
    try:
        return bool(stripe.WebhookSignature.verify_header(body, header, secret, tolerance))
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        return False


@lru_cache(maxsize=4)
def _client(key: str, base: str) -> Any:
    # Retries are the outbox's affair, which knows what was asked before.
    return stripe.StripeClient(
        key,
        base_addresses={"api": base} if base else None,
        max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=(_CONNECT_SECONDS, _READ_SECONDS)),
    )


def _by(key: str) -> dict[str, str]:
    return {"idempotency_key": key}


def _one(kind: type[T], call: Callable[[], Any]) -> T:
    return msgspec.convert(_called(call).to_dict(), kind)


def _pages(kind: type[T], listed: Callable[[Any], Any], params: Params) -> Iterator[T]:
    """All of a list, the newest first; a page is asked for when it is needed."""
    after: dict[str, str] = {}
    while True:
        page = _called(partial(listed, {**params, "limit": _PAGE, **after})).to_dict()
        for item in page["data"]:
            yield msgspec.convert(item, kind)
        if not page.get("has_more") or not page["data"]:
            return
        after = {"starting_after": page["data"][-1]["id"]}


def _called(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except stripe.StripeError as error:
        raise _problem(error) from error


def _problem(error: stripe.StripeError) -> Exception:
    said = _sentence(error)
    match error:
        case stripe.RateLimitError():
            return TryLaterError(said, stop=True, seconds=_retry_after(error))
        case stripe.APIConnectionError():
            return TryLaterError(said, stop=True)
        case stripe.AuthenticationError():
            # Not the row's fault: the key is wrong, and will be right.
            return TryLaterError(said, answered=True, stop=True)
        case stripe.CardError():
            return TryLaterError(said, answered=True, seconds=_CARD_SECONDS)
        case stripe.IdempotencyError():
            return TryLaterError(said, answered=True)
        case stripe.InvalidRequestError() | stripe.PermissionError():
            return RefusedError(said)
    # 409: another call with the same key is under way, and its answer will be ours.
    return TryLaterError(said, answered=error.http_status not in {None, 409})


def _sentence(error: stripe.StripeError) -> str:
    """What Stripe says, without our key, in the length that a person reads."""
    said = f"{type(error).__name__}: {error.user_message or error}"
    return said.replace(settings.STRIPE_API_KEY, "…")[:1000]


def _retry_after(error: stripe.StripeError) -> float | None:
    text = str((error.headers or {}).get("Retry-After", ""))
    return float(text) if text.isascii() and text.isdecimal() else None
