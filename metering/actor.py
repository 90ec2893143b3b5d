"""Who acts: set where a request, a command or a task begins, read by the audit log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # The command line says who acts before there is a Django to import from.
    from django.contrib.auth.models import AnonymousUser, User
    from django.http import HttpRequest, HttpResponseBase

SYSTEM = "system"
_actor: ContextVar[str] = ContextVar("actor", default=SYSTEM)


def current_actor() -> str:
    """Such as `user alice`, `key dbk_a1b2c3`, `command apply` or `task close_last_month`."""
    return _actor.get()


@contextmanager
def acting(actor: str) -> Iterator[None]:
    """What is done within is done by this actor."""
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


def act_as(actor: str) -> None:
    """For the rest of a request: the API learns late whose key it was sent."""
    _actor.set(actor)


class ActorMiddleware:
    """The person who is logged in acts; it stands behind the middleware that finds out who."""

    def __init__(self, get_response: "Callable[[HttpRequest], HttpResponseBase]") -> None:
        self.get_response = get_response

    def __call__(self, request: "HttpRequest") -> "HttpResponseBase":
        # The API has keys, and would pay for a session that it does not use.
        by_key = request.path.startswith(("/api/", "/v1/"))
        with acting(SYSTEM if by_key else _named(request.user)):
            return self.get_response(request)


def _named(user: "User | AnonymousUser") -> str:
    return f"user {user.get_username()}" if user.is_authenticated else "nobody"
