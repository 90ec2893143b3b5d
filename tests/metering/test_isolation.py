"""A key shows its own tenant and nothing of another."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver

from metering.alerts import settle
from metering.ingest import Report
from metering.models import Tenant
from metering.usage.alert import HitRate
from tests.conftest import Events

AT = "2026-10-05T12:00:00Z"
AUDIT = "/api/v1/audit"


def reads() -> list[str]:
    """The address of every view of metering that a key can read."""
    return [
        f"/{pattern.pattern}"
        for pattern in get_resolver("metering.urls").url_patterns
        if hasattr(getattr(pattern.callback, "view_class", None), "get")
        and "<" not in str(pattern.pattern)
    ]


def test_every_view_that_reads_is_known() -> None:
    assert reads() == [
        "/api/v1/alerts",
        AUDIT,
        "/api/v1/retention",
        "/api/v1/ingestion",
        "/api/v1/quarantine",
    ]


def test_a_log_holds_what_was_done_to_its_own_tenant(
    make_tenant: Callable[..., Tenant], api: Callable[[Tenant], Client]
) -> None:
    alice, bob = (api(make_tenant()).get(AUDIT).json()["rows"] for _ in range(2))
    # Each has had a key made to ask with.
    assert [row["action"] for row in alice] == ["api_key.created"]
    assert [row["action"] for row in bob] == ["api_key.created"]
    assert alice[0]["subject"] != bob[0]["subject"]


@pytest.mark.parametrize("path", [path for path in reads() if path != AUDIT])
def test_alice_sees_what_is_hers_and_bob_nothing_of_it(
    path: str,
    make_tenant: Callable[..., Tenant],
    event: Events,
    send: Callable[[Tenant, list[dict[str, Any]]], Report],
    roll: Callable[[Tenant], int],
    api: Callable[[Tenant], Client],
) -> None:
    alice, bob, charlie = make_tenant(), make_tenant(), make_tenant()
    for tenant in (alice, charlie):
        send(
            tenant,
            [
                event.task(AT, "secret-task", agent="secret-agent"),
                event.tokens(AT, model="secret-model", agent="secret-agent"),
                event.tokens(AT, secret=tenant.slug),
            ],
        )
        roll(tenant)
        settle(tenant, HitRate(100, 100, 0), datetime(2026, 10, 5, tzinfo=UTC))
    # What was received was received now, whenever it happened.
    until = datetime.now(UTC).date() + timedelta(days=2) if "ingestion" in path else "2026-10-06"
    url = f"{path}?from=2026-10-05&to={until}"
    theirs, nothing = (api(tenant).get(url) for tenant in (alice, bob))
    assert (theirs.status_code, nothing.status_code) == (200, 200)
    rows = nothing.json()["rows"]
    assert not any(value for row in rows for name, value in row.items() if name != "date")
    assert theirs.json()["rows"] != rows
    assert charlie.slug not in theirs.content.decode()


def test_a_page_of_anothers_quarantine_begins_nowhere_else(
    make_tenant: Callable[..., Tenant],
    event: Events,
    send: Callable[[Tenant, list[dict[str, Any]]], Report],
    api: Callable[[Tenant], Client],
) -> None:
    alice, bob = make_tenant(), make_tenant()
    send(alice, [event.tokens(AT, secret="hers")])
    [row] = api(alice).get("/api/v1/quarantine").json()["rows"]
    for after in ("", "?after=00000000-0000-0000-0000-000000000000", f"?after={row['reference']}"):
        assert api(bob).get(f"/api/v1/quarantine{after}").json() == {"rows": [], "next": None}
