"""List prices of a public catalogue: which names find them, since when, and who overrides them."""

import inspect
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from genai_prices import Usage, data, types
from genai_prices.data_snapshot import get_snapshot
from msgspec.structs import replace

from billing import queries
from billing.catalogue.names import Names
from billing.catalogue.package import read_package
from billing.catalogue.prices import CataloguePrices
from billing.catalogue.revision import seed
from billing.costs import CostBook, TokenRate, call_cost
from metering.ingest import Report
from metering.models import Tenant
from metering.usage.calls import PricedCalls
from metering.usage.period import range_period
from tests.billing.test_costs import calls
from tests.conftest import Events

D = Decimal
Run = Callable[..., str]
Send = Callable[[Tenant, list[dict[str, Any]]], Report]
TODAY = date(2026, 11, 25)
PACKAGE = read_package()
PRICES = CataloguePrices(PACKAGE.document)
NAMES = Names(PACKAGE.document)


def cost(*some: PricedCalls, rates: tuple[TokenRate, ...] = ()) -> Decimal | None:
    return call_cost(CostBook("USD", rates, listed=PRICES), some).tokens


def of(provider: str, model: str, **more: object) -> PricedCalls:
    return calls(provider=provider, model=model, day=TODAY, **more)


@pytest.mark.parametrize(
    ("provider", "model", "expected"),
    [
        # Google, by OpenTelemetry's names of three generations, LiteLLM's, and its own
        ("gcp.gemini", "gemini-2.5-pro", "gemini-2.5-pro"),
        ("gcp.vertex_ai", "gemini-2.5-pro", "gemini-2.5-pro"),
        ("gcp.gen_ai", "gemini-2.5-pro", "gemini-2.5-pro"),
        ("gemini", "Gemini-2.5-Pro", "gemini-2.5-pro"),
        ("google", "gemini-2.5-pro-preview-05-06", "gemini-2.5-pro"),
        # Dated, and dated without dashes
        ("openai", "gpt-4o-2024-08-06", "gpt-4o"),
        ("openai", "gpt-4o-20240806", "gpt-4o"),
        ("openai", "gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),
        ("anthropic", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        # Azure's names have openai in them and are not OpenAI's
        ("azure.ai.openai", "gpt-4o-2024-08-06", "gpt-4o"),
        ("az.ai.openai", "gpt-4o", "gpt-4o"),
        (
            "aws.bedrock",
            "us.anthropic.claude-sonnet-4-20250514-v1:0",
            "regional.anthropic.claude-sonnet-4-20250514-v1:0",
        ),
        ("x_ai", "grok-4", "grok-4-0709"),
        ("moonshot_ai", "kimi-k2-0905-preview", "kimi-k2-0905-preview"),
        ("mistral_ai", "mistral-large-latest", "mistral-large"),
        # Claude at Google: a reseller's fallback
        ("vertex_ai", "claude-sonnet-4@20250514", "claude-4-sonnet"),
        # Nobody says who sells it: its maker
        ("", "gpt-4o-mini", "gpt-4o-mini"),
        # Unknown
        ("openai", "gpt-unheard-of", None),
        ("dashscope", "qwen-max", None),
        ("", "qwen-max", None),
    ],
)
def test_the_names_that_clients_report_find_their_model(
    provider: str, model: str, expected: str | None
) -> None:
    found = NAMES.find(provider, model)
    assert (found and found.code) == expected


def test_azure_is_priced_as_azure_sells_it() -> None:
    [azure] = [p for p in PACKAGE.document.providers if p.code == "azure"]
    # OpenAI sells it no more, and Azure only embeds.
    assert NAMES.find("azure.ai.openai", "ada") in azure.models
    assert NAMES.find("openai", "ada") not in azure.models


def test_every_name_of_the_catalogue_finds_what_its_authors_find() -> None:
    """The oracle is the package's own look-up."""
    snapshot = get_snapshot()
    for provider in snapshot.providers:
        for model in provider.models:
            try:
                expected = snapshot.find_provider_model(model.id, None, provider.id, None)[1].id
            except LookupError:
                expected = None
            found = NAMES.find(provider.id, model.id)
            assert (found and found.code) == expected, (provider.id, model.id)


@pytest.mark.parametrize(
    ("prompt", "over", "expected"),
    [
        # 200,000 × 1.25 / 1,000,000
        pytest.param(200_000, 0, D("0.25"), id="200,000 tokens are no long prompt"),
        # 200,001 × 2.50 / 1,000,000: the whole prompt, not the one token more
        pytest.param(200_001, 200_000, D("0.5000025"), id="200,001 tokens are one"),
    ],
)
def test_a_long_prompt_reprices_the_whole_request(
    prompt: int, over: int, expected: Decimal
) -> None:
    assert 200_000 in PRICES.thresholds
    gemini: dict[str, Any] = {"provider": "google", "model": "gemini-2.5-pro", "prompt_over": over}
    assert cost(of(**gemini, input_tokens=prompt)) == expected
    # The output as well: 1,000 × 10 or × 15 / 1,000,000.
    output = D("0.015") if over else D("0.01")
    assert cost(of(**gemini, input_tokens=0, output_tokens=1000)) == output
    # What was read from a cache counts for the length and costs a tenth.
    cached = cost(of(**gemini, input_tokens=0, cache_read_tokens=prompt))
    assert cached == expected / 10


@pytest.mark.parametrize(
    ("model", "whole", "repeated", "cached"),
    [
        # 144,793,823 × 1.25 + 4,122,048 × 10; 54,098,411 × 1.25; 1.25 − 0.125 less for each of them
        pytest.param(
            "gemini-2.5-pro", "222.21275875", "67.62301375", "161.352046375", id="gemini-2.5-pro"
        ),
        # 144,793,823 × 0.6 + 4,122,048 × 2.5; 54,098,411 × 0.6; 0.45 less for each of them
        pytest.param(
            "kimi-k2-0905-preview", "97.1814138", "32.4590466", "72.83712885", id="kimi-k2"
        ),
    ],
)
def test_the_hour_of_the_mooncake_trace(model: str, whole: str, repeated: str, cached: str) -> None:
    """Its published sums, with nothing read from a cache and with all that could be."""
    prompt, output, reusable = 144_793_823, 4_122_048, 54_098_411
    hour: dict[str, Any] = {"output_tokens": output, "reusable_tokens": reusable}
    none = of("", model, input_tokens=prompt, repeated_tokens=reusable, **hour)
    every = of("", model, input_tokens=prompt - reusable, cache_read_tokens=reusable, **hour)
    found = call_cost(CostBook("USD", listed=PRICES), [none])
    assert (found.tokens, found.repeated) == (D(whole), D(repeated))
    assert found.saving == D(whole) - D(cached)
    assert cost(every) == D(cached)


def test_the_length_of_a_prompt_is_found_in_the_events(
    tenant: Tenant, event: Events, send: Send, roll: Callable[[Tenant], int]
) -> None:
    """Cached tokens counted: 150,000 + 50,000 at $1.25 and $0.125, one more at the double."""
    seed(PACKAGE.document, TODAY)
    at = "2026-11-20T12:00:00Z"
    gemini: dict[str, Any] = {"provider": "gcp.gemini", "input_tokens": 150_000}
    short = event.tokens(at, "gemini-2.5-pro", agent="a", cache_read_tokens=50_000, **gemini)
    long = event.tokens(at, "gemini-2.5-pro", agent="b", cache_read_tokens=50_001, **gemini)
    send(tenant, [short, long])
    roll(tenant)
    november = range_period(date(2026, 11, 1), date(2026, 12, 1), "UTC")
    found = {row.group["agent"]: row.token_cost for row in _efficiency(tenant, november)}
    # 0.1875 + 0.00625; 0.375 + 0.01250025
    assert found == {"a": D("0.19375"), "b": D("0.38750025")}


def _efficiency(tenant: Tenant, period: Any) -> list[queries.EfficiencyRow]:
    return queries.efficiency(tenant, period, ("agent",))


_CLASSES = {"input": 70_003, "cache_read": 20_011, "cache_write": 5_017, "output": 3_001}


def _expected(provider: str, model: str, total: int, tier: types.PriceContext) -> Decimal:
    """The package's own arithmetic, for `total` times the classes."""
    amounts = {name: tokens * total for name, tokens in _CLASSES.items()}
    usage = Usage(
        input_tokens=amounts["input"] + amounts["cache_read"] + amounts["cache_write"],
        cache_read_tokens=amounts["cache_read"],
        cache_write_tokens=amounts["cache_write"],
        output_tokens=amounts["output"],
    )
    noon = datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=UTC)
    return get_snapshot().calc(usage, model, provider, None, noon, tier).total_price


@pytest.mark.parametrize("times", [1, 3, 10])
def test_costs_are_those_the_catalogues_authors_compute(times: int) -> None:
    """Every model priced by tokens, of prompts of 95, 285 and 950 thousand tokens."""
    compared = 0
    prompt = times * (sum(_CLASSES.values()) - _CLASSES["output"])
    over = max((t for t in (0, *PRICES.thresholds) if t < prompt), default=0)
    used = {f"{name}_tokens": tokens * times for name, tokens in _CLASSES.items()}
    for provider, model in PACKAGE.document.models():
        version = model.on(TODAY)
        found = NAMES.find(provider, model.code)
        if version is None or found is not model:
            continue
        for tier, context in (("", {}), ("batch", {"processing": "batch"})):
            plain = [r for r in version.rates if r.service_tier == tier and r.modality == "text"]
            if not plain or plain[0].output is None or plain[0].input is None:
                continue
            one = of(provider, model.code, service_tier=tier, prompt_over=over, **used)
            expected = _expected(provider, model.code, times, context)
            assert cost(one) == expected, (provider, model.code, tier)
            compared += 1
    assert compared > 1500


def test_amounts_are_the_decimals_of_the_catalogues_text() -> None:
    """Digit by digit as its file has them; some few of those have been floats at the provider's."""
    written = set(re.findall(r"Decimal\('([^']+)'\)", inspect.getsource(data)))
    amounts = {
        str(amount)
        for _, model in PACKAGE.document.models()
        for version in model.versions
        for rate in version.rates
        for amount in (rate.input, rate.output, rate.cache_read, rate.cache_write)
        if amount is not None
    }
    assert len(amounts) > 400
    assert amounts <= written


def test_what_tokens_do_not_say_is_left_out_and_unpriced() -> None:
    reasons = dict(line.split(": ") for line in PACKAGE.left_out)
    assert reasons["deepseek/deepseek-chat"] == "priced by the time of day"
    assert reasons["perplexity/sonar"] == "priced by the request"
    found = call_cost(CostBook("USD", listed=PRICES), [of("deepseek", "deepseek-chat")])
    assert (found.tokens, found.unpriced) == (None, {"deepseek/deepseek-chat"})


def test_a_tier_the_catalogue_does_not_know_is_unpriced() -> None:
    gemini = of("google", "gemini-2.5-pro", service_tier="flexible")
    assert cost(gemini) is None
    # $0.625 from 14 October on, when the catalogue began to know it.
    batch = of("google", "gemini-2.5-pro", service_tier="batch")
    assert cost(batch) == D("0.625")
    assert cost(calls(**_names(batch), service_tier="batch", day=date(2026, 10, 13))) is None


def _names(some: PricedCalls) -> dict[str, Any]:
    return {"provider": some.provider, "model": some.model}


def test_another_modality_costs_what_it_is_sold_for() -> None:
    """Gemini 2.5 Flash: $0.30 a million tokens of text or pictures, $1 of sound."""
    flash = {
        modality: cost(of("google", "gemini-2.5-flash", modality=modality))
        for modality in ("text", "image", "audio")
    }
    assert flash == {"text": D("0.3"), "image": D("0.3"), "audio": D(1)}


def test_list_prices_are_in_dollars() -> None:
    found = call_cost(CostBook("CNY", listed=PRICES), [of("openai", "gpt-4o")])
    assert found.unpriced == {"openai/gpt-4o is priced in USD, not CNY"}


OWN = TokenRate(
    provider="",
    model="gpt-4o",
    modality="text",
    service_tier="",
    above_prompt_tokens=0,
    valid_from=date(2026, 11, 1),
    currency="USD",
    per=1_000_000,
    input=D(1),
    cache_read=None,
    cache_write=None,
    cache_write_long=None,
    output=D(1),
)


@pytest.mark.parametrize(
    ("changed", "some", "expected"),
    [
        pytest.param({}, {}, D(1), id="the operator's own price"),
        pytest.param({"provider": "openai"}, {}, D(1), id="of this provider"),
        pytest.param({"provider": "azure"}, {}, D("2.5"), id="another provider's says nothing"),
        pytest.param({}, {"day": date(2026, 10, 31)}, D("2.5"), id="before it began"),
        pytest.param(
            {}, {"service_tier": "batch"}, None, id="it says all: no list price of a tier"
        ),
        pytest.param({}, {"modality": "audio"}, None, id="nor of a modality"),
        pytest.param({"input": D(0)}, {}, D(0), id="free is an explicit 0"),
        pytest.param({"model": "gpt-4"}, {}, D("2.5"), id="a name that is only alike"),
        pytest.param({"model": "gpt-4o-2024-08-06"}, {}, D("2.5"), id="only its exact name"),
    ],
)
def test_the_operators_own_price_overrides(
    changed: dict[str, Any], some: dict[str, Any], expected: Decimal | None
) -> None:
    one = calls(**({"provider": "openai", "model": "gpt-4o", "day": TODAY} | some))
    assert cost(one, rates=(replace(OWN, **changed),)) == expected
