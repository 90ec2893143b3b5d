"""Editions of the price catalogue: a later one adds, and invoices keep theirs."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.core.management.base import CommandError
from django.db import Error, IntegrityError, transaction
from msgspec.structs import replace

from billing.catalogue.document import Clause, Document, Model, Provider, Rate, Version
from billing.catalogue.merge import changes, merge
from billing.catalogue.package import FIRST
from billing.catalogue.revision import CatalogueRevision, latest_number, seed
from billing.costs import call_cost
from billing.models import Invoice
from billing.terms import cost_book
from metering.ingest import Report
from metering.models import Tenant
from tests.billing.test_costs import calls
from tests.conftest import Events

D = Decimal
Run = Callable[..., str]
Send = Callable[[Tenant, list[dict[str, Any]]], Report]
TODAY = date(2026, 11, 25)


# A catalogue of one model, to see how editions follow each other.
def edition(*versions: tuple[date, str], code: str = "m", source: str = "x 1") -> Document:
    model = Model(
        code=code,
        match=Clause("equals", code),
        versions=tuple(
            Version(valid_from=day, rates=(Rate(input=D(price)),)) for day, price in versions
        ),
    )
    provider = Provider(code="p", models=(model,))
    return Document(source=source, currency="USD", per=1, providers=(provider,))


def prices(document: Document) -> dict[date, str]:
    [(_, model)] = document.models()
    return {version.valid_from: str(version.rates[0].input) for version in model.versions}


PAST, SOON = date(2026, 11, 20), date(2026, 12, 1)


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        pytest.param([(FIRST, "1")], {FIRST: "1"}, id="nothing new"),
        pytest.param([(FIRST, "2")], {FIRST: "1", TODAY: "2"}, id="undated: from today on"),
        pytest.param([(FIRST, "1"), (PAST, "2")], {FIRST: "1", PAST: "2"}, id="dated: from then"),
        pytest.param([(FIRST, "1"), (SOON, "2")], {FIRST: "1", SOON: "2"}, id="still to come"),
        pytest.param(
            [(FIRST, "3"), (PAST, "1")], {FIRST: "1", PAST: "1"}, id="another past is not taken"
        ),
    ],
)
def test_a_later_edition_adds_versions(new: list[tuple[date, str]], expected: object) -> None:
    merged = merge(edition((FIRST, "1")), edition(*new), TODAY)
    assert prices(merged) == expected
    # Laid over again, also on a later day, it says the same.
    for day in (TODAY, TODAY + timedelta(days=1)):
        assert merge(merged, edition(*new), day) == merged


def test_what_is_still_to_come_may_change() -> None:
    old = edition((FIRST, "1"), (SOON, "2"))
    assert prices(merge(old, edition((FIRST, "1"), (SOON, "3")), TODAY))[SOON] == "3"
    assert prices(merge(old, edition((FIRST, "1"), (SOON, "3")), SOON))[SOON] == "3"
    assert prices(merge(old, edition((FIRST, "1"), (SOON, "3")), SOON + timedelta(days=1))) == {
        FIRST: "1",
        SOON: "2",
        SOON + timedelta(days=1): "3",
    }


def test_a_model_that_is_not_sold_any_more_keeps_its_past() -> None:
    merged = merge(edition((FIRST, "1"), code="old"), edition((FIRST, "1"), code="new"), TODAY)
    assert [model.code for _, model in merged.models()] == ["new", "old"]
    assert changes(edition((FIRST, "1"), code="old"), merged) == ["+ p/new"]


@pytest.fixture
def seeded(store: None) -> None:
    seed(edition((FIRST, "0.5")), TODAY)


def test_seeding_again_changes_nothing(seeded: None) -> None:
    assert seed(edition((FIRST, "0.5"), source="x 2"), SOON) == []
    assert latest_number() == 1


def test_seeding_dry_changes_nothing(seeded: None) -> None:
    assert seed(edition((FIRST, "1")), TODAY, dry_run=True) == ["~ p/m from 2026-11-25"]
    assert latest_number() == 1


def test_a_revision_never_changes(seeded: None) -> None:
    with pytest.raises(Error, match="never changes"), transaction.atomic():
        CatalogueRevision.objects.update(document="{}")


def test_a_second_seeder_is_told(seeded: None) -> None:
    revision = CatalogueRevision.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        CatalogueRevision.objects.create(number=1, source="y", document=revision.document)


PLAN = """
tenants: [{slug: acme, plan: plus}]
plans:
  - code: plus
    currency: USD
    valid_from: 2026-01-01
    charges:
      - {code: at-cost, meter: {metric: cost}, charge: {model: percentage, rate_percent: "100"}}
"""


def test_an_invoice_keeps_the_catalogue_it_was_made_from(
    seeded: None, apply: Run, manage: Run, send: Send, event: Events
) -> None:
    """10 tokens at $0.5. The edition of a day later has it at $2 from October on."""
    apply(PLAN)
    acme = Tenant.objects.get(slug="acme")
    send(acme, [event.tokens("2026-10-10T00:00:00Z", "m", provider="p", input_tokens=10)])
    manage("close_month", "2026-10", "--finalize")
    invoice = Invoice.objects.get()
    assert (invoice.total, invoice.snapshot["terms"]["catalogue"]) == (D(5), 1)
    with time_machine.travel(datetime(2026, 11, 26, 12, tzinfo=UTC), tick=True):
        seed(edition((FIRST, "0.5"), (date(2026, 10, 1), "2")), TODAY + timedelta(days=1))
        october = calls(provider="p", model="m", input_tokens=10)
        assert call_cost(cost_book("USD"), [october]).tokens == D(20)
        manage("verify_invoice", str(invoice.number))
    assert Invoice.objects.get(number=invoice.number).total == D(5)


def test_a_correction_takes_the_old_price_and_todays_only_for_what_had_none(
    seeded: None, apply: Run, manage: Run, send: Send, event: Events, amounts: Any
) -> None:
    """m was $0.5 by the list; meanwhile the operator has a price of its own, and n is known."""
    apply(PLAN)
    acme = Tenant.objects.get(slug="acme")
    send(acme, [event.tokens("2026-10-10T00:00:00Z", "m", provider="p", input_tokens=10)])
    manage("close_month", "2026-10", "--finalize")
    apply(
        "prices: [{model: m, valid_from: 2026-01-01, currency: USD, per: 1, input: '7'},"
        " {model: n, valid_from: 2026-01-01, currency: USD, per: 1, input: '3'}]"
    )
    send(
        acme,
        [
            event.tokens("2026-10-11T00:00:00Z", "m", provider="p", input_tokens=2),
            event.tokens("2026-10-11T00:00:00Z", "n", provider="p", input_tokens=2),
        ],
    )
    with time_machine.travel(datetime(2026, 12, 1, 12, tzinfo=UTC), tick=True):
        manage("close_month", "2026-11", "--finalize")
    # 2 × 0.5 + 2 × 3
    [invoice] = Invoice.objects.filter(month="2026-11-01")
    assert invoice.total == D(7)
    manage("verify_invoice", str(invoice.number))


def test_a_model_that_becomes_known_is_priced_and_its_draft_can_be_finalized(
    seeded: None, apply: Run, manage: Run, send: Send, event: Events
) -> None:
    apply(PLAN)
    acme = Tenant.objects.get(slug="acme")
    send(acme, [event.tokens("2026-10-10T00:00:00Z", "n", provider="p", input_tokens=10)])
    manage("close_month", "2026-10")
    assert Invoice.objects.get().unpriced == ["at-cost: p/n has no price in the cost book"]
    both = edition((FIRST, "0.5"))
    [other] = edition((FIRST, "1"), code="n").providers
    seed(replace(both, providers=(replace(other, code="p"),)), TODAY)
    manage("close_month", "2026-10", "--finalize")
    assert Invoice.objects.get().total == D(10)


def test_the_command_seeds_one_provider_and_says_what_it_did(store: None, manage: Run) -> None:
    printed = manage("seed_prices", "--provider", "google", "--dry-run")
    assert "+ google/gemini-2.5-pro\n" in printed
    assert "models would change" in printed
    assert latest_number() == 0
    printed = manage("seed_prices", "--provider", "google")
    assert "openai" not in printed
    assert latest_number() == 1
    assert "no change" in manage("seed_prices", "--provider", "google")
    assert "+ openai/gpt-4o\n" in manage("seed_prices")
    assert latest_number() == 2
    with pytest.raises(CommandError, match="no provider 'gogle'"):
        manage("seed_prices", "--provider", "gogle")
