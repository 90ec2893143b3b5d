"""One attempt at a row of the outbox: calls to Stripe under its claim, with its keys."""

from collections.abc import Callable
from typing import TypeVar

from billing.models import Invoice
from billing.stripe_sync.gateway import Gateway, RefusedError, TryLaterError
from billing.stripe_sync.records import StripePush

T = TypeVar("T")


class Attempt:
    """Each call renews the claim first, so that no two workers act on one row."""

    def __init__(self, push: StripePush, gateway: Gateway) -> None:
        self.push, self.gateway = push, gateway
        self.invoice: Invoice = push.invoice

    @property
    def identity(self) -> str:
        return str(self.push.identity)

    def read(self, call: Callable[[], T]) -> T:
        """Ask for something."""
        self.push.renew()
        return call()

    def write(self, step: str, call: Callable[[str], T]) -> T:
        """Change something, under a key that is the same for this step of this row and round."""
        self.push.renew()
        try:
            return call(f"daybook:{self.identity}:{self.push.round}:{step}")
        except (TryLaterError, RefusedError) as error:
            if error.answered:
                self.push.note(round=self.push.round + 1)
            raise
