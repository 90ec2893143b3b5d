"""Alice, who has something of everything that can be read, and the description of the API."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator

from billing.configuration import apply_configuration
from billing.configuration_schema import read_document
from billing.exports.ask import Ask
from billing.exports.job import ExportJob
from billing.exports.jobs import request_export, write_export
from metering.alerts import settle
from metering.clickhouse.connection import insert
from metering.ingest import Report
from metering.models import Tenant
from metering.usage.alert import HitRate
from tests.conftest import Events, encode

CONFIGURATION = Path(__file__).parent / "alice.yaml"
REFUSED = UUID(int=1)
EXPORT_JOB = UUID(int=3)
RANGE = "from=2026-10-01&to=2026-11-01"


@pytest.fixture(autouse=True)
def november() -> Iterator[None]:
    """October is over. The clock runs on, as connections time out by it."""
    with time_machine.travel(datetime(2026, 11, 24, 12, tzinfo=UTC), tick=True):
        yield


def describe() -> dict[str, Any]:
    """What `GET /api/schema/` answers."""
    schema: dict[str, Any] = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]
    return schema


@pytest.fixture(scope="session")
def described() -> dict[str, Any]:
    return describe()


def refuse(tenant: Tenant, reference: UUID, event: dict[str, Any]) -> None:
    """Let an event have come too early once, under this reference."""
    names = ["tenant", "reference", "received_at", "source", "id", "detail", "body"]
    at, detail = datetime(2026, 10, 2, 9, tzinfo=UTC), "time: is more than an hour ahead"
    values = [tenant.pk, reference, at, event["source"], event["id"], detail, *encode([event])]
    insert("quarantine", names, [[value] for value in values])


def lose(tenant: Tenant, events: int) -> None:
    """Let the door have counted events that nobody can find."""
    names = ["tenant", "commit", "hour", "kind", "received"]
    values = [tenant.pk, 1, datetime(2026, 10, 2, 9, tzinfo=UTC), "events", events]
    insert("intake", names, [[value] for value in values])


@pytest.fixture
def alice(
    store: None,
    event: Events,
    send: Callable[[Tenant, list[dict[str, Any]]], Report],
    roll: Callable[[Tenant], int],
) -> Tenant:
    """A priced October with an invoice, a draft of November, bursts, alerts, something refused."""
    apply_configuration(read_document(CONFIGURATION))
    tenant = Tenant.objects.get(slug="alice")
    send(
        tenant,
        [
            event.task("2026-10-02T10:05:00Z", "t1"),
            event.tokens(
                "2026-10-02T10:00:00Z", "big", task="t1", input_tokens=1000, labels={"a": "b"}
            ),
            event.tokens("2026-10-02T10:00:00Z", "unknown", task="t1", input_tokens=10),
            event.chip("2026-10-02T10:00:00Z", "2026-10-02T10:01:40Z", task="t1", count="3"),
            event("agent.tool", "2026-10-02T10:00:00Z", tool="search", task="t1"),
            event(
                "agent.cache",
                "2026-10-02T10:00:00Z",
                cache="semantic",
                hit=True,
                model="big",
                saved_tokens=500,
                labels={"a": "b"},
            ),
            event("custom.pages", "2026-10-02T10:00:00Z", value="1.5"),
            event.tokens("2026-10-02T10:00:00Z", "big", inputTokens=1),
        ],
    )
    refuse(tenant, REFUSED, event.tokens("2026-10-02T10:00:00Z", "big", input_tokens=1))
    lose(tenant, 4)
    roll(tenant)
    october = datetime(2026, 10, 5, tzinfo=UTC)
    settle(tenant, HitRate(100, 1000, 600), october)
    settle(tenant, HitRate(0, 0, 0), october + timedelta(days=1))
    settle(tenant, HitRate(100, 1000, 612), october + timedelta(days=2))
    call_command("grant_credits", "--tenant", "alice", "--amount", "1.50", "--key", "order-1")
    call_command("close_month", "2026-10", "--finalize")
    call_command("close_month", "2026-11")
    ask = Ask(kind="lines", month="2026-10")
    ExportJob.objects.filter(pk=request_export(tenant, ask).pk).update(id=EXPORT_JOB)
    write_export(str(EXPORT_JOB))
    return tenant
