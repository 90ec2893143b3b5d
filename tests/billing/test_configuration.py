import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from billing.models import BurstContract, Charge, Invoice, PlanVersion, Subscription, TokenPrice
from metering.models import Tenant
from tests.billing.test_immutable import make_draft

pytestmark = pytest.mark.django_db
Run = Callable[..., str]

PROMISED = """
tenants:
  - {slug: acme, name: Acme, timezone: Asia/Shanghai, currency: USD, plan: pro, tax_percent: "6"}
plans:
  - code: pro
    currency: USD
    valid_from: 2026-01-01
    charges:
      - code: input-tokens
        meter: {type: agent.tokens, aggregation: sum, value: input_tokens, filters: {model: [qwen-max]}, group_by: [model]}
        charge: {model: graduated, tiers: [{up_to: "1000000", unit_amount: "0.000002"}, {up_to: null, unit_amount: "0.0000015"}]}
      - {code: agents, meter: {metric: delivering_agent_days}, charge: {model: per_unit, unit_amount: "0.05"}}
      - {code: outcomes, meter: {metric: succeeded_tasks}, charge: {model: per_unit, unit_amount: "0.01"}}
      - {code: bursts, charge: {model: burst}}
prices:
  - {provider: dashscope, model: qwen-max, valid_from: 2026-01-01, currency: USD, per: 1000000, input: "1.2", cache_read: "0.24", cache_write: "1.5", output: "6"}
  - {chip: kunlun-p800, valid_from: 2026-01-01, currency: USD, per_second: "0.0004"}
  - {tool: web-search, valid_from: 2026-01-01, currency: USD, per_unit: "0.008"}
contracts:
  - {tenant: acme, chip: kunlun-p800, valid_from: 2026-10-01, baseline: "2", baseline_price: "0.0003", on_demand_price: "0.0006", burst_tiers: [{up_to: "100000", unit_amount: "0.0006"}, {up_to: null, unit_amount: "0.0005"}], idle_factor: "0.1", granularity_ms: 100, minimum_ms: 1000, cold_start_fee: "0.001", credit_accrual: "1", credit_cap: "7200"}
"""  # noqa: E501 - as the documentation shows it

EVERYTHING = [
    "+ plan pro 2026-01-01",
    "+ tenant acme",
    "~ tenant acme: plan none → pro",
    "+ price of model dashscope qwen-max text 2026-01-01",
    "+ price of chip kunlun-p800 2026-01-01",
    "+ price of tool web-search 2026-01-01",
    "+ contract acme kunlun-p800 2026-10-01",
]


def test_the_first_time_everything_is_new_and_the_second_time_nothing_changes(apply: Run) -> None:
    assert apply(PROMISED).splitlines() == EVERYTHING
    assert apply(PROMISED) == "nothing to change\n"
    assert [charge.code for charge in Charge.objects.order_by("position")] == [
        "input-tokens",
        "agents",
        "outcomes",
        "bursts",
    ]
    price = TokenPrice.objects.get()
    assert (price.input, price.cache_read, price.cache_write_long) == (
        Decimal("1.2"),
        Decimal("0.24"),
        None,
    )
    assert BurstContract.objects.get().valid_from == date(2026, 10, 1)


def test_a_dry_run_says_the_same_and_changes_nothing(apply: Run) -> None:
    assert apply(PROMISED, "--dry-run").splitlines() == EVERYTHING
    assert not Tenant.objects.exists()
    assert not PlanVersion.objects.exists()


def test_json_says_the_same_as_yaml(manage: Run, tmp_path: Path) -> None:
    file = tmp_path / "plans.json"
    charge = {
        "code": "calls",
        "meter": {"type": "agent.tokens", "aggregation": "count"},
        "charge": {"model": "per_unit", "unit_amount": "1"},
    }
    plan = {"code": "a", "currency": "EUR", "valid_from": "2026-01-01", "charges": [charge]}
    file.write_text(json.dumps({"plans": [plan]}))
    assert manage("apply", str(file)) == "+ plan a 2026-01-01\n"
    assert manage("apply", str(file)) == "nothing to change\n"


def test_what_changed_is_said_field_by_field(apply: Run) -> None:
    apply(PROMISED)
    changed = (
        PROMISED.replace("Asia/Shanghai", "Europe/Berlin")
        .replace('unit_amount: "0.05"', 'unit_amount: "0.06"')
        .replace('output: "6"', 'output: "5.5"')
        .replace('baseline: "2"', 'baseline: "3"')
    )
    assert apply(changed).splitlines() == [
        "~ plan pro 2026-01-01: charge agents changed",
        "~ tenant acme: timezone Asia/Shanghai → Europe/Berlin",
        "~ price of model dashscope qwen-max text 2026-01-01: output 6 → 5.5",
        "~ contract acme kunlun-p800 2026-10-01: baseline 2 → 3",
    ]


def test_a_later_date_is_a_new_version_and_the_old_one_stays(apply: Run) -> None:
    apply(PROMISED)
    later = "plans: [{code: pro, currency: USD, valid_from: 2026-11-01, charges: []}]"
    assert apply(later) == "+ plan pro 2026-11-01\n"
    assert PlanVersion.objects.count() == 2


def test_what_a_file_leaves_out_stays_as_it_is(apply: Run) -> None:
    apply(PROMISED)
    assert (
        apply("tenants: [{slug: acme, name: Acme Ltd}]") == "~ tenant acme: name Acme → Acme Ltd\n"
    )
    tenant = Tenant.objects.get()
    assert (tenant.timezone, tenant.tax_percent) == ("Asia/Shanghai", Decimal(6))


def test_another_plan_holds_from_where_the_last_invoice_ended(apply: Run, draft: Invoice) -> None:
    # October on Shanghai's clock ends 2026-10-31T16:00Z, which there is the 1st of November.
    Invoice.objects.update(status="finalized", number="INV-2026-000001")
    other = "plans: [{code: lite, currency: USD, valid_from: 2026-01-01, charges: []}]\n"
    said = apply(other + "tenants: [{slug: acme, plan: lite}]").splitlines()
    assert said == ["+ plan lite 2026-01-01", "~ tenant acme: plan pro → lite"]
    assert list(Subscription.objects.values_list("plan__code", "valid_from")) == [
        ("pro", date(1970, 1, 1)),
        ("lite", date(2026, 11, 1)),
    ]


@pytest.fixture
def draft(apply: Run) -> Invoice:
    apply(PROMISED)
    return make_draft(Tenant.objects.get())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tenant: []", "tenant: is not a known key here"),
        ("tenants: [{slug: acme, zone: UTC}]", "tenants[0].zone: is not a known key here"),
        ("tenants: [{name: Acme}]", "tenants[0].slug: is missing"),
        ("tenants: [{slug: acme, timezone: Mars/Base}]", "tenants[0].timezone: 'Mars/Base' is not"),
        ("tenants: [{slug: acme, plan: none}]", "tenants[0].plan: there is no plan 'none'"),
        ("tenants: [{slug: a, tax_percent: 6.5}]", "tenants[0].tax_percent: is a number with a"),
        ("tenants: [{slug: a}, {slug: a}]", "tenants[1]: a is in the file twice"),
        ("tenants: [{slug: a, slug: b}]", "'slug' is written twice"),
        ("tenants: [", "the file is not valid YAML"),
        ("prices: [{chip: a, tool: b}]", "prices[0]: must name exactly one of model, chip, tool"),
        (
            'prices: [{tool: a, valid_from: 2026-01-01, currency: USD, per_second: "1"}]',
            "prices[0].per_second: is not a known key here",
        ),
        (
            "prices: [{chip: a, valid_from: 2026-01-01, currency: USD, per_second: 0.1}]",
            "prices[0].per_second: is a number with a fraction; write amounts in quotes, such as",
        ),
        (
            'prices: [{model: m, valid_from: 2026-01-01, currency: USD, per: 1, input: "-1"}]',
            "prices[0].input: must not be negative",
        ),
        (
            'prices: [{model: m, valid_from: 2026-01-01, currency: USD, input: "1"}]',
            "prices[0].per: is missing",
        ),
        (
            "plans: [{code: p, currency: USD, valid_from: 2026-01-01, charges: [{code: c, meter: "
            "{metric: succeeded_tasks}, charge: {model: per_unit, unit_amount: 0.5}}]}]",
            "plans[0].charges[0].charge.unit_amount: must be a decimal string",
        ),
        (
            "plans: [{code: p, currency: USD, valid_from: 2026-01-01, charges: [{code: c, meter: "
            '{type: agent.tokens, value: tokens}, charge: {model: per_unit, unit_amount: "1"}}]}]',
            "plans[0].charges[0].meter.value: 'tokens' is not one of",
        ),
        (
            "plans: [{code: p, currency: USD, valid_from: 2026-01-01, charges: [{code: c, charge: "
            '{model: per_unit, unit_amount: "1"}}]}]',
            "plans[0].charges[0].meter: is missing",
        ),
        (
            "contracts: [{tenant: nobody, chip: c, valid_from: 2026-01-01, baseline: 0,"
            " baseline_price: 0, on_demand_price: 1, burst_tiers: [], idle_factor: 0,"
            " cold_start_fee: 0}]",
            "contracts[0].tenant: there is no tenant 'nobody'",
        ),
        (
            "tenants: [{slug: acme}]\n"
            "contracts: [{tenant: acme, chip: c, valid_from: 2026-01-01, baseline: 0,"
            " baseline_price: 0, on_demand_price: 1, burst_tiers: [], idle_factor: 0,"
            " cold_start_fee: 0}]",
            "contracts[0].burst_tiers: must have at least one tier",
        ),
        (
            "tenants: [{slug: acme}]\n"
            'contracts: [{tenant: acme, chip: c, valid_from: 2026-01-01, baseline: "1e-19",'
            " baseline_price: 0, on_demand_price: 1, burst_tiers: [{up_to: null, unit_amount: 1}],"
            " idle_factor: 0, cold_start_fee: 0}]",
            "contracts[0].baseline: ",
        ),
        *(
            (
                "plans: [{code: p, currency: EUR, valid_from: 2026-01-01, charges: [{code: c,"
                f" meter: {meter}, charge: {{model: percentage, rate_percent: 1,"
                " fixed_amount_per_event: 1}}]}]",
                f"plans[0].charges[0].{said}",
            )
            for meter, said in (
                ("{metric: cost}", "meter.metric: must be one of sum, count, for the charge"),
                (
                    "{type: custom.a, aggregation: p95, value: value}",
                    "meter.aggregation: must be one of sum, count, for the charge prices each",
                ),
                ("{metric: cost, window: hour}", "meter.window: 'hour' is not one of day"),
                (
                    "{type: custom.a, aggregation: median, value: value}",
                    "meter.aggregation: 'median' is not one of sum, count, unique, max, latest,"
                    " time_weighted, time_weighted_mean, p95",
                ),
                (
                    "{type: agent.task, aggregation: time_weighted, value: status}",
                    "meter.value: 'status' is not one of (nothing)",
                ),
            )
        ),
        (
            "plans: [{code: p, currency: EUR, valid_from: 0001-01-01, charges: []}]",
            "plans[0].valid_from: must be from 1970-01-01 to 2999-12-31",
        ),
        (
            "plans: [{code: p, currency: EUR, valid_from: 2026-01-01, charges: []}]\n"
            "tenants: [{slug: acme, plan: p}]",
            "tenant acme is in USD, but its plan p in EUR",
        ),
    ],
)
def test_a_mistake_is_named_by_its_path_and_nothing_is_changed(
    apply: Run, text: str, said: str
) -> None:
    with pytest.raises(CommandError) as error:
        apply(text)
    assert said in str(error.value)
    assert not Tenant.objects.exists()
    assert not PlanVersion.objects.exists()


def test_a_file_that_is_not_there_is_one_sentence(manage: Run, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        manage("apply", str(tmp_path / "nothing.yaml"))
