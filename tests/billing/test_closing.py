"""Closing many tenants: a few queries for all of them, and exactly what their events give."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection as database

from billing.closing import close_chunk
from billing.models import Invoice
from metering.clickhouse import connection
from metering.ingest import Report
from metering.models import Tenant
from tests.conftest import Events

Run = Callable[..., str]
Send = Callable[[Tenant, list[dict[str, Any]]], Report]

pytestmark = pytest.mark.usefixtures("store")

PLAN = """
plans:
  - code: pro
    currency: USD
    valid_from: 2026-01-01
    charges:
      - {code: in, meter: {type: agent.tokens, value: input_tokens, group_by: [model]}, charge: {model: per_unit, unit_amount: "0.01"}}
      - {code: out, meter: {type: agent.tokens, value: output_tokens, filters: {model: [a]}}, charge: {model: per_unit, unit_amount: "0.02"}}
      - {code: team, meter: {type: agent.tokens, aggregation: count, filters: {labels.team: [x]}}, charge: {model: per_unit, unit_amount: "1"}}
      - {code: models, meter: {type: agent.tokens, aggregation: unique, value: model}, charge: {model: per_unit, unit_amount: "1"}}
      - {code: outcomes, meter: {metric: succeeded_tasks}, charge: {model: per_unit, unit_amount: "0.5"}}
      - {code: agents, meter: {metric: delivering_agent_days}, charge: {model: per_unit, unit_amount: "3"}}
tenants:
"""  # noqa: E501 - a charge a line
ZONES = ("UTC", "Asia/Shanghai", "America/New_York")


def make_tenants(apply: Run, count: int) -> list[Tenant]:
    slugs = [f"many-{count}-{n}" for n in range(count)]
    zones = [ZONES[n % len(ZONES)] for n in range(count)]
    rows = [
        f"  - {{slug: {slug}, plan: pro, timezone: {zone}}}\n"
        for slug, zone in zip(slugs, zones, strict=True)
    ]
    apply(PLAN + "".join(rows))
    return [Tenant.objects.get(slug=slug) for slug in slugs]


def used(event: Events) -> list[dict[str, Any]]:
    """Of one tenant; the last events of a month are another month's on another clock."""
    labels = {"team": "x"}
    return [
        event.tokens("2026-10-01T00:00:00Z", "a", input_tokens=100, output_tokens=7, labels=labels),
        event.tokens("2026-10-31T20:00:00Z", "b", input_tokens=50, output_tokens=9),
        event.task("2026-10-31T23:59:59Z", "t1"),
        event.task("2026-10-05T00:00:00Z", "t2"),
        event("agent.tool", "2026-10-05T00:00:00Z", tool="search", status="ok"),
    ]


def test_every_tenants_invoice_is_the_one_that_its_events_give(
    apply: Run, event: Events, send: Send, manage: Run
) -> None:
    for tenant in make_tenants(apply, 3):
        send(tenant, used(event))
    manage("close_month", "2026-10", "--finalize")
    totals = [f"{invoice.total:f}" for invoice in Invoice.objects.order_by("tenant__slug")]
    # UTC:      100 + 50 × 0.01, 7 × 0.02, 1 of team x, 2 models, 2 × 0.5, 2 agent-days × 3 = 11.64.
    # Shanghai: b and t1 fall into November: 1.00 + 0.14 + 1 + 1 + 0.5 + 3 = 6.64.
    # New York: a falls into September:      0.50 + 0    + 0 + 1 + 1   + 6 = 8.50.
    assert totals == ["11.64", "6.64", "8.50"]
    for invoice in Invoice.objects.all():
        assert "is right to the cent" in manage("verify_invoice", str(invoice.number))
        assert invoice.not_charged == [{"type": "agent.tool", "group": {}, "events": 1}]


def test_more_tenants_take_no_more_queries_for_what_is_derived(
    apply: Run, event: Events, send: Send, manage: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    execute = connection._execute

    def count(sql: str, data: object, **options: object) -> Any:
        asked.append(sql)
        return execute(sql, data, **options)

    def read(sql: str) -> bool:
        return "rollup_meter" in sql and "SELECT" in sql and "INSERT" not in sql

    monkeypatch.setattr(connection, "_execute", count)
    found = []
    for many in (3, 6):
        for tenant in make_tenants(apply, many):
            send(tenant, used(event))
        asked.clear()
        manage("close_month", "2026-10")
        found.append(sum(map(read, asked)))
        Invoice.objects.all().delete()
        Tenant.objects.all().delete()
    assert found[0] == found[1]


def test_what_another_worker_finalizes_between_two_reads_is_left_as_it_is(
    apply: Run, event: Events, send: Send
) -> None:
    [tenant] = make_tenants(apply, 1)
    send(tenant, used(event))
    close_chunk("2026-10", [tenant], finalize=False)
    reads: list[str] = []
    others: list[Invoice | None] = []

    def race(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if 'FROM "billing_invoice"' in sql:
            reads.append(sql)
            if len(reads) == 2:  # the history and the month's own invoice are two reads
                others.append(close_chunk("2026-10", [tenant], finalize=True)[0].invoice)
        return execute(sql, params, many, context)

    with database.execute_wrapper(race):
        [closed] = close_chunk("2026-10", [tenant], finalize=True)
    assert others == [closed.invoice]
    assert closed.invoice is not None
    assert (closed.invoice.number, closed.problem) == ("INV-2026-000001", "")
