"""Earlier months are rated again where something may have changed, which gives the same bills."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing import touched
from billing.bills import compute_bills
from billing.models import Invoice
from billing.month import price_month
from billing.terms import Terms, read_terms
from metering.ingest import Report
from metering.models import Tenant
from tests.conftest import Events

Run = Callable[..., str]
Send = Callable[[Tenant, list[dict[str, Any]]], Report]

pytestmark = pytest.mark.usefixtures("store")

SIMPLE = """
tenants: [{slug: acme, plan: pro}]
plans:
  - code: pro
    currency: USD
    valid_from: 2026-01-01
    charges:
      - {code: in, meter: {type: agent.tokens, value: input_tokens}, charge: {model: per_unit, unit_amount: "0.01"}}
      - {code: outcomes, meter: {metric: succeeded_tasks}, charge: {model: per_unit, unit_amount: "0.5"}}
"""  # noqa: E501 - a charge a line
BURST = "      - {code: bursts, charge: {model: burst}}\n"
CONTRACT = """
contracts:
  - {tenant: acme, chip: %s, valid_from: %s, baseline: "1", baseline_price: "0.00001", on_demand_price: "0.001", burst_tiers: [{up_to: null, unit_amount: "0.01"}], idle_factor: "0", cold_start_fee: "0", credit_accrual: "1", credit_cap: "100"}
"""  # noqa: E501 - a contract a line
MANY = """
      - {code: models, meter: {type: agent.tokens, aggregation: unique, value: model, group_by: [labels.team]}, charge: {model: per_unit, unit_amount: "1"}}
      - {code: useful, meter: {metric: effective_tokens}, charge: {model: per_unit, unit_amount: "0.1"}}
      - {code: level, meter: {type: custom.gb, aggregation: time_weighted, value: value}, charge: {model: per_unit, unit_amount: "0.0001"}}
"""  # noqa: E501 - a charge a line
AUGUST, SEPTEMBER = "2026-08", "2026-09"


@pytest.fixture
def rated(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The earlier months that were rated again, since it was last cleared."""
    months: list[str] = []

    def note(tenant: Tenant, terms: Terms, *more: Any) -> Any:
        months.append(terms.month)
        return price_month(tenant, terms, *more)

    monkeypatch.setattr("billing.corrections.price_month", note)
    return months


def test_a_month_is_rated_again_for_what_came_late_or_went(
    apply: Run, event: Events, send: Send, manage: Run, rated: list[str]
) -> None:
    apply(SIMPLE)
    acme = Tenant.objects.get()
    send(acme, [event.tokens("2026-08-31T23:00:00Z", input_tokens=9)])
    send(acme, [event.task("2026-08-31T23:00:00Z", "t1")])
    manage("close_month", AUGUST, "--finalize")
    send(acme, [event.tokens("2026-09-01T00:00:00Z", input_tokens=5)])
    manage("close_month", SEPTEMBER)
    assert rated == []
    send(acme, [event.tokens("2026-08-31T22:00:00Z", input_tokens=1)])
    manage("close_month", SEPTEMBER)
    assert rated == [AUGUST]
    manage("close_month", SEPTEMBER, "--finalize")
    rated.clear()
    # What September corrected is right as of September.
    manage("close_month", "2026-10")
    assert rated == []
    # An outcome of August that is one of September from now on.
    send(acme, [event.task("2026-09-02T00:00:00Z", "t1", "failed")])
    manage("close_month", "2026-10")
    assert rated == [AUGUST, SEPTEMBER]


def test_an_interval_that_reaches_back_or_a_new_contract_rates_again(
    apply: Run, event: Events, send: Send, manage: Run, rated: list[str]
) -> None:
    apply(SIMPLE + BURST + CONTRACT % ("p800", "2026-08-01"))
    acme = Tenant.objects.get()
    manage("close_month", AUGUST, "--finalize")
    send(acme, [event.chip("2026-09-01T00:00:00Z", "2026-09-01T00:00:10Z")])
    manage("close_month", SEPTEMBER)
    assert rated == []
    start, end = "2026-08-31T23:59:00Z", "2026-09-01T00:01:00Z"
    # It stands in September, where its end is.
    send(acme, [event.chip(start, end) | {"time": end}])
    manage("close_month", SEPTEMBER)
    assert rated == [AUGUST]
    manage("close_month", SEPTEMBER, "--finalize")
    rated.clear()
    apply(CONTRACT % ("b200", "2026-09-15"))
    manage("close_month", "2026-10")
    assert rated == [SEPTEMBER]


@contextmanager
def everything_rated(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(touched, "_may_differ", lambda *_: True)
        yield


def some_events(event: Events, draw: random.Random, month: int) -> Iterator[dict[str, Any]]:
    """Mostly of the month, some late; tasks come back with other outcomes."""
    for _ in range(14):
        behind = draw.choice([0, 0, 0, 0, 1, 2])
        start = datetime(2026, max(7, month - behind), 1, tzinfo=UTC)
        time = start + timedelta(minutes=draw.randrange(30 * 24 * 60))
        common: dict[str, Any] = {"task": f"t{draw.randrange(8)}", "agent": "ada"}
        match draw.randrange(4):
            case 0:
                yield event.task(time, status=draw.choice(["succeeded", "failed"]), **common)
            case 1:
                end = time + timedelta(minutes=draw.randrange(1, 9000))
                yield event.chip(time.isoformat(), end.isoformat(), **common) | {
                    "time": end.isoformat()
                }
            case 2:
                yield event("custom.gb", time, value=str(draw.randrange(9)), **common)
            case _:
                labels = {"team": draw.choice(["x", "y"])}
                yield event.tokens(
                    time,
                    draw.choice(["a", "b"]),
                    input_tokens=100,
                    prefix_blocks=[1, 2],
                    block_tokens=40,
                    labels=labels,
                    **common,
                )


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_bills_are_those_of_rating_everything_again(
    apply: Run,
    event: Events,
    send: Send,
    manage: Run,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
) -> None:
    draw = random.Random(seed)
    slugs = ("acme", "plain")
    contract = CONTRACT % ("p800", "2026-07-01")
    plain = SIMPLE.replace("acme", "plain").replace("pro", "simple")
    apply(SIMPLE + BURST + MANY + contract)
    apply(plain)
    tenants = [Tenant.objects.get(slug=slug) for slug in slugs]
    skipped = 0
    for month in (7, 8, 9, 10):
        for tenant in tenants:
            sent = list(some_events(event, draw, month))
            send(tenant, sent if tenant.slug == "acme" or month != 9 else [])
        name = f"2026-{month:02d}"
        asked = [(tenant, read_terms(tenant, name)) for tenant in tenants]
        some = compute_bills(asked)
        with everything_rated(monkeypatch):
            every = compute_bills(asked)
        for one, other in zip(some, every, strict=True):
            assert [(b.line, b.corrects) for b in one.lines] == [
                (b.line, b.corrects) for b in other.lines
            ]
            assert (one.unpriced, one.not_charged) == (other.unpriced, other.not_charged)
            skipped += sum(item.terms is None for item in one.corrected)
        manage("close_month", name, "--finalize")
    assert skipped
    for invoice in Invoice.objects.filter(month__gte="2026-09-01"):
        assert "is right to the cent" in manage("verify_invoice", str(invoice.number))
