"""A month of charges of every kind, and the files that are made of it."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest

from billing.exports.ask import read_ask
from billing.exports.registry import export
from metering.ingest import Report
from metering.models import Tenant
from tests.billing.exports import rfc4180
from tests.conftest import Events

Run = Callable[..., str]
Send = Callable[[Tenant, list[dict[str, Any]]], Report]
Read = Callable[..., list[dict[str, str]]]

PLAN = """
plans:
  - code: pro
    currency: USD
    valid_from: 2026-01-01
    charges:
      - code: input-tokens
        meter: {type: agent.tokens, value: input_tokens, group_by: [model, agent, labels.team]}
        charge: {model: graduated, discount_percent: "10", tiers: [{up_to: "1000", unit_amount: "0.000123"}, {up_to: null, unit_amount: "0.00001", flat_amount: "0.25"}]}
      - {code: agents, meter: {metric: delivering_agent_days}, charge: {model: per_unit, unit_amount: "0.05", commitment: {amount: "1", true_up: true}}}
      - {code: outcomes, meter: {metric: succeeded_tasks}, charge: {model: package, package_size: "2", package_amount: "0.03", minimum_amount: "0.5"}}
      - {code: searches, meter: {type: agent.tool, value: units, filters: {tool: [search]}}, charge: {model: per_unit, unit_amount: "0.02", unit_conversion: {divide_by: "3"}}}
tenants: [{slug: acme, name: "Acme, Inc.", plan: pro, tax_percent: "6"}]
"""  # noqa: E501 - a charge a line


@pytest.fixture
def acme(apply: Run, store: None, send: Send, event: Events) -> Tenant:
    """October: 1500 tokens of a model by ada in a team, three tasks of two agents, a search."""
    apply(PLAN)
    tenant = Tenant.objects.get(slug="acme")
    labels = {"team": "=core"}
    send(
        tenant,
        [
            event.task("2026-10-01T00:00:00Z", "t1"),
            event.task("2026-10-02T12:00:00Z", "t2"),
            event.task("2026-10-02T13:00:00Z", "t3", agent="bob"),
            event.tokens("2026-10-02T12:00:00Z", "a", input_tokens=1500, labels=labels),
            event("agent.tool", "2026-10-02T12:00:00Z", tool="search", units="1"),
        ],
    )
    return tenant


@pytest.fixture
def read() -> Read:
    """A file's rows by column, once both readers agree on it."""

    def rows(kind: str, tenant: Tenant, month: str = "2026-10", **options: str) -> Any:
        data = b"".join(export(read_ask(kind, month, options), [tenant]))
        strict = rfc4180.read(data)
        forgiving = list(csv.reader(io.StringIO(data.decode(), newline="")))
        assert strict == forgiving
        return [dict(zip(strict[0], row, strict=True)) for row in strict[1:]]

    return rows
