"""Every address there is, walked by somebody who must see nothing of Alice's.

Alice's tenant has some of everything. Charlie owns another tenant that has nothing; what stands in
any answer of his is compared with what is Alice's alone, and afterwards all of hers is as it was.
An address with a name in it that is not known here fails: say what of Alice's it would be.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from dashboards.members import invite
from dashboards.models import Invitation, Membership
from metering.api_keys import create_api_key
from metering.audit import log_of
from metering.models import ApiKey, AuditChain, AuditEntry, Tenant
from metering.queries import usage_types
from metering.usage.period import Period
from tests.openapi.test_description import PATH_VALUES

ALWAYS = Period(datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))
# Where something of Alice's happened, as pages, reads and exports are asked for it.
OCTOBER = {"from": "2026-10-01", "to": "2026-11-01"}
METHODS = ("get", "post", "put", "patch", "delete")
# What stands in an address, as it is of Alice's.
NAMES: dict[str, str] = {**PATH_VALUES, "token": "not-the-token"}
# For everybody, and the same for everybody; an event of nobody's can be sent nowhere else.
PUBLIC = ("/healthz", "/api/schema/", "/api/docs/", "/login/")
# The operator's own pages have their own log-in, and their own test below.
ADMIN = "/admin/"
# What is Alice's alone. Ids in an address come back in an answer that says they are not there.
SECRETS = ("alice", "ada", "t1", "p800", "semantic", "custom.pages", "inputTokens", "order-1")
REFUSALS = {301, 302, 400, 401, 402, 403, 404, 405, 409, 410, 413, 415, 422, 429}


@dataclass(frozen=True)
class Found:
    """An address with Alice's names in it, and whether there are any."""

    url: str
    names: bool

    @property
    def october(self) -> dict[str, str]:
        """How it is asked for the month in which Alice's things happened."""
        return {"period": "2026-10"} if "/exports/" in self.url else OCTOBER


def addresses(patterns: list[Any], before: str = "/") -> Iterator[str]:
    for pattern in patterns:
        address = before + re.sub(r"[\^$]|\\Z", "", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, address)
        elif isinstance(pattern, URLPattern):
            yield address


def walked() -> list[Found]:
    """Every address that is not public, with Alice's names."""
    found = []
    for address in addresses(get_resolver().url_patterns):
        if address in PUBLIC or address.startswith(ADMIN):
            continue
        names = re.findall(r"<(?:\w+:)?(\w+)>", address)
        unknown = [name for name in names if name not in NAMES]
        assert not unknown, f"{address}: say in NAMES what {unknown} would be of Alice's"
        url = re.sub(r"<(?:\w+:)?(\w+)>", lambda m: NAMES[m[1]], address)
        # A file of everything of one's own is no object of somebody else's.
        found.append(Found(url, bool(set(names) - {"kind"})))
    return found


def body(response: Any) -> str:
    whole = b"".join(response.streaming_content) if response.streaming else response.content
    return str(whole.decode(errors="replace"))


def check(found: Found, response: Any, said: str) -> None:
    """Nothing of Alice's is in the answer, and what is named is not there."""
    status = response.status_code
    assert status < 500, f"{said}: {status}"
    text = body(response)
    for name in NAMES.values() if found.names else ():
        text = text.replace(name, "")
    for secret in SECRETS:
        assert not re.search(rf"\b{re.escape(secret)}\b", text), f"{said} tells {secret}"
    if found.names:
        assert status in REFUSALS, f"{said}: {status}"


def state(tenant: Tenant) -> dict[str, object]:
    """Every row that is Alice's or nobody's, how many events of hers there are, her log.

    Not the sessions; and of the log only hers, for the walk may do to itself what it likes.
    """
    own = {"sessions", "admin"}
    logs = {AuditChain, AuditEntry, User}
    rows = {
        model._meta.label: list(model._default_manager.order_by("pk").values())
        for model in apps.get_models()
        if model._meta.app_label not in own and model not in logs
    }
    return {label: _of(tenant, found) for label, found in rows.items()} | {
        "events": usage_types(tenant, ALWAYS),
        "log": [str(entry) for entry in log_of(tenant, 1000)],
    }


def _of(tenant: Tenant, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row.get("tenant_id", tenant.pk) == tenant.pk]


@pytest.fixture
def charlie(alice: Tenant, make_tenant: Callable[..., Tenant]) -> Tenant:
    """Somebody else's tenant, which has nothing."""
    invite(alice, "somebody", "viewer")
    Membership.objects.create(user=User.objects.create(username="ann"), tenant=alice, role="owner")
    return make_tenant(slug="zenith", name="Zenith")


def test_nothing_of_anybody_else_is_seen_or_changed(alice: Tenant, charlie: Tenant) -> None:
    key, before = create_api_key(charlie), state(alice)
    walk_with_key(key)
    walk_with_session(alice, charlie)
    walk_with_nothing()
    assert state(alice) == before


def walk_with_key(key: str) -> None:
    person = Client(headers={"Authorization": f"Bearer {key}"})
    for found in walked():
        for method in METHODS:
            response = getattr(person, method)(found.url, **_content(method))
            check(found, response, f"{method.upper()} {found.url} by key")
        check(found, person.get(found.url, found.october), f"GET {found.url} by key, of October")


def walk_with_session(alice: Tenant, charlie: Tenant) -> None:
    person = owner_of(charlie)
    forms = [{"tenant": "alice"}, *_forms(alice)]
    for found in walked():
        check(found, person.get(found.url, found.october), f"GET {found.url}")
        foreign = person.get(found.url, found.october | {"tenant": "alice"})
        check(found, foreign, f"GET {found.url}?tenant=alice")
        takes_forms = "logout" not in found.url and person.post(found.url).status_code != 405
        for form in forms if takes_forms else ():
            check(found, person.post(found.url, form), f"POST {found.url} {form}")


def walk_with_nothing() -> None:
    for found in walked():
        for method in METHODS:
            response = getattr(Client(), method)(found.url, **_content(method))
            said = f"{method.upper()} {found.url} by nobody"
            check(found, response, said)
            assert response.status_code in REFUSALS, f"{said}: {response.status_code}"


def owner_of(tenant: Tenant) -> Client:
    """Charlie, logged in."""
    user = User.objects.create(username="charlie")
    Membership.objects.create(user=user, tenant=tenant, role="owner")
    person = Client()
    person.force_login(user)
    return person


def test_the_walk_would_notice(alice: Tenant, charlie: Tenant) -> None:
    ann, told = Client(), []
    ann.force_login(User.objects.get(username="ann"))
    keyed = Client(headers={"Authorization": f"Bearer {create_api_key(alice)}"})
    for found in walked():
        try:
            check(found, ann.get(found.url, found.october), found.url)
            check(found, keyed.get(found.url, found.october), found.url)
        except AssertionError:
            told.append(found.url)
    assert {"/", "/invoices/INV-2026-000001/", "/members/", "/spend/"} <= set(told)
    assert {"/api/v1/tasks", "/api/v1/tasks/t1", "/api/v1/bursts"} <= set(told)


def test_the_administration_is_the_operators(make_tenant: Callable[..., Tenant]) -> None:
    person = owner_of(make_tenant())
    for address in addresses(get_resolver().url_patterns):
        if not address.startswith(ADMIN):
            continue
        url = re.sub(r"<(?:\w+:)?(\w+)>|\(\?P<url>\.\*\)", "1", address).replace("(?P", "")
        for response in (person.get(url), person.post(url)):
            assert response.status_code in REFUSALS | {200}, url
            if response.status_code == 200:
                assert "log in" in body(response).lower() or "i18n" in url, url


def _content(method: str) -> dict[str, str]:
    return {} if method == "get" else {"data": "{}", "content_type": "application/json"}


def _forms(alice: Tenant) -> list[dict[str, str]]:
    """What a page might be sent to change something of Alice's by its id."""
    member = Membership.objects.get(tenant=alice)
    invitation = Invitation.objects.get(tenant=alice)
    key = ApiKey.objects.filter(tenant=alice).first()
    ids = [member.pk, invitation.pk, *([key.pk] if key else [])]
    doings = ("remove", "withdraw", "change", "revoke", "drop", "replay", "delete")
    return [
        {"id": str(pk), "do": doing, "role": "viewer", "reason": "x", "tenant": "alice"}
        for pk in ids
        for doing in doings
    ]
