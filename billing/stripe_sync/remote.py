"""Stripe's objects, as far as they are looked at here."""

from msgspec import Struct


class RemoteCustomer(Struct, frozen=True, kw_only=True):
    """A customer; money that Stripe keeps for it would change what an invoice asks for."""

    id: str
    created: int = 0
    deleted: bool = False
    balance: int = 0
    metadata: dict[str, str] = {}


class RemoteInvoice(Struct, frozen=True, kw_only=True):
    """An invoice: draft, open, paid, uncollectible or void."""

    id: str
    created: int = 0
    customer: str | None = None
    currency: str = ""
    status: str | None = None
    number: str | None = None
    total: int = 0
    amount_due: int = 0
    amount_paid: int = 0
    amount_remaining: int = 0
    pre_payment_credit_notes_amount: int = 0
    post_payment_credit_notes_amount: int = 0
    metadata: dict[str, str] | None = None

    @property
    def identity(self) -> str:
        """Which of our rows it was made for; nothing if it was not made by us."""
        return (self.metadata or {}).get("daybook_id", "")


class RemoteLine(Struct, frozen=True, kw_only=True):
    """A line, which bears its place on our invoice."""

    id: str
    amount: int = 0
    metadata: dict[str, str] | None = None


class PaidWith(Struct, frozen=True, kw_only=True):
    """What a payment was: an intent or a charge moved money, a record says that others did."""

    type: str = ""
    payment_intent: str | None = None
    charge: str | None = None
    payment_record: str | None = None

    @property
    def moved_by_stripe(self) -> bool:
        return self.type in {"payment_intent", "charge"}

    @property
    def reference(self) -> str:
        return self.payment_intent or self.charge or self.payment_record or ""


class PaidAt(Struct, frozen=True, kw_only=True):
    """When."""

    paid_at: int | None = None


class RemotePayment(Struct, frozen=True, kw_only=True):
    """A payment of an invoice."""

    id: str
    created: int = 0
    amount_paid: int | None = None
    currency: str = ""
    status: str = ""
    payment: PaidWith = PaidWith()
    status_transitions: PaidAt = PaidAt()


class RemoteCreditNote(Struct, frozen=True, kw_only=True):
    """A credit note: what of it made an invoice smaller, and what was given back after payment."""

    id: str
    created: int = 0
    invoice: str = ""
    currency: str = ""
    status: str = ""
    total: int = 0
    pre_payment_amount: int = 0
    post_payment_amount: int = 0
    metadata: dict[str, str] | None = None

    @property
    def identity(self) -> str:
        return (self.metadata or {}).get("daybook_id", "")
