"""Acme with a priced month of work, and the people who may and may not look at it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from billing.configuration import apply_configuration
from billing.configuration_schema import read_document
from dashboards.models import Membership
from metering.ingest import Report
from metering.models import Tenant

CONFIGURATION = Path(__file__).parent / "acme.yaml"
Send = Callable[[Tenant, list[dict[str, Any]]], Report]


@pytest.fixture(autouse=True)
def static_folder(data_dir: Path) -> None:
    """The folder of collected static files, which the middleware looks for."""
    Path(settings.STATIC_ROOT).mkdir(exist_ok=True)


@pytest.fixture
def acme(store: None) -> Tenant:
    """A tenant with a plan, prices and a burst contract."""
    apply_configuration(read_document(CONFIGURATION))
    return Tenant.objects.get(slug="acme")


@pytest.fixture
def worked(acme: Tenant, send: Send, roll: Callable[[Tenant], int], event: Any) -> Tenant:
    """Acme after some October: two agents, a failed task, a burst, one misspelt event.

    ada: 1,000,000 input tokens on 1 Oct ($2) and 200,000 cached beside 800,000 uncached on
    2 Oct ($1.60 + $0.10); of its two tasks one fails, that of 2 Oct.
    bob: 100,000 output tokens on 1 Oct ($1), and five chips for ten minutes ($3).
    """
    send(
        acme,
        [
            event.tokens("2026-10-01T09:00:00Z", task="a1", input_tokens=1_000_000),
            event.task("2026-10-01T09:01:00Z", "a1"),
            event.tokens(
                "2026-10-02T09:00:00Z", task="a2", input_tokens=800_000, cache_read_tokens=200_000
            ),
            event.task("2026-10-02T09:01:00Z", "a2", "failed"),
            event.tokens("2026-10-01T10:00:00Z", agent="bob", task="b1", output_tokens=100_000),
            event.task("2026-10-01T10:01:00Z", "b1", agent="bob"),
            event.chip("2026-10-03T12:00:00Z", "2026-10-03T12:10:00Z", agent="bob", count="5"),
            event.tokens("2026-10-04T10:00:00Z", inputTokens=5),
        ],
    )
    roll(acme)
    return acme


def member(name: str, tenant: Tenant, role: str = "viewer") -> Client:
    """Somebody logged in who belongs to a tenant."""
    user, _ = User.objects.get_or_create(username=name)
    Membership.objects.create(user=user, tenant=tenant, role=role)
    return logged_in(user)


def logged_in(user: User) -> Client:
    """A client of this user."""
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def alice(acme: Tenant) -> Client:
    """The owner of acme."""
    return member("alice", acme, "owner")


@pytest.fixture
def bob(acme: Tenant) -> Client:
    """A viewer of acme."""
    return member("bob", acme)


@pytest.fixture
def other(make_tenant: Callable[..., Tenant]) -> Tenant:
    """A tenant that has nothing to do with acme."""
    return make_tenant(slug="zenith", name="Zenith")


@pytest.fixture
def charlie(other: Tenant) -> Client:
    """The owner of another tenant."""
    return member("charlie", other, "owner")


@pytest.fixture
def staff(db: None) -> Client:
    """One of the operator's people."""
    return logged_in(User.objects.create(username="olga", is_staff=True))
