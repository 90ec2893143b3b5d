"""An invoice stands when a span that arrives later says better whose work it billed."""

from collections.abc import Callable
from typing import Any

import pytest

from billing.models import Invoice
from metering import queries
from metering.collectors.otlp import PROTOBUF, read_spans
from metering.models import Tenant
from metering.spans import ingest_spans
from metering.usage.period import month_period
from tests.metering.otlp import agent, call, encode, export

Run = Callable[..., str]

pytestmark = pytest.mark.usefixtures("store")

PLAN = """
tenants: [{slug: acme, plan: pro}]
plans:
  - code: pro
    currency: USD
    valid_from: 2026-01-01
    charges:
      - code: input-tokens
        meter: {type: agent.tokens, value: input_tokens, group_by: [agent]}
        charge: {model: per_unit, unit_amount: "0.01"}
"""


def lines(month: str) -> list[tuple[Any, ...]]:
    rows = Invoice.objects.get(month=f"{month}-01").lines.order_by("position")
    return sorted((str(r.group), f"{r.quantity:f}", f"{r.amount:f}", r.correction) for r in rows)


def test_a_finalized_invoice_verifies_after_its_events_are_amended(apply: Run, manage: Run) -> None:
    apply(PLAN)
    acme = Tenant.objects.get(slug="acme")
    worker = agent("worker")
    poor = call("twin", parent=worker)
    rich = call("twin", attributes={"gen_ai.usage.cache_write.input_tokens": 10})

    def send(*spans: Any) -> None:
        ingest_spans(acme, read_spans(PROTOBUF, encode(export(spans))))

    send(poor)
    manage("close_month", "2026-10", "--finalize")
    # 100 input less 60 read from the cache, for the service: no agent is known yet.
    assert [line[1:] for line in lines("2026-10")] == [("40", "0.40", False)]
    before = Invoice.objects.get(month="2026-10-01").total
    send(worker)
    assert "is right to the cent" in manage("verify_invoice", "INV-2026-000001")
    send(rich)
    assert "is right to the cent" in manage("verify_invoice", "INV-2026-000001")
    assert Invoice.objects.get(month="2026-10-01").total == before
    [row] = queries.usage(acme, month_period("2026-10", "UTC"), ("agent",))
    # 100 - 60 - 10
    assert (row.group, row.requests, row.input_tokens) == ({"agent": "worker"}, 1, 30)
