from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from billing.costs import Cost, CostBook, TokenRate, UnitRate, call_cost
from metering.usage.calls import PricedCalls

D = Decimal
RATE = TokenRate(
    provider="dashscope",
    model="qwen-max",
    modality="text",
    service_tier="",
    above_prompt_tokens=0,
    valid_from=date(2026, 1, 1),
    currency="USD",
    per=1_000_000,
    input=D("1.2"),
    cache_read=D("0.24"),
    cache_write=D("1.5"),
    cache_write_long=None,
    output=D(6),
)
CALLS = PricedCalls(
    provider="dashscope",
    model="qwen-max",
    modality="text",
    service_tier="",
    day=date(2026, 10, 1),
    prompt_over=0,
    outcome="useful",
    requests=1,
    input_tokens=1_000_000,
    cache_read_tokens=0,
    cache_write_tokens=0,
    cache_write_long_tokens=0,
    output_tokens=0,
    reasoning_tokens=0,
    reusable_tokens=0,
    repeated_tokens=0,
)


def rate(**changes: object) -> TokenRate:
    return TokenRate(**{name: getattr(RATE, name) for name in RATE.__struct_fields__} | changes)


def calls(**changes: object) -> PricedCalls:
    return replace(CALLS, **changes)  # type: ignore[arg-type]


def cost(rates: list[TokenRate], *some: PricedCalls) -> Cost:
    return call_cost(CostBook("USD", tuple(rates)), some)


def test_each_class_of_tokens_has_its_own_price() -> None:
    used = calls(
        input_tokens=1_000_000,
        cache_read_tokens=2_000_000,
        cache_write_tokens=3_000_000,
        cache_write_long_tokens=1_000_000,
        output_tokens=500_000,
    )
    # 1 × 1.2 + 2 × 0.24 + 3 × 1.5 + 0.5 × 6 = 1.2 + 0.48 + 4.5 + 3
    assert cost([RATE], used).tokens == D("9.18")
    # Of the 3 written, the 1 kept long at 2.4: 2 × 1.5 + 1 × 2.4 = 5.4 where it was 4.5.
    assert cost([rate(cache_write_long=D("2.4"))], used).tokens == D("10.08")


def test_a_cost_is_exact_to_the_last_digit() -> None:
    # 1 token at 1.2 per million, and 1 at 1 per 3, which never ends.
    assert cost([RATE], calls(input_tokens=1)).tokens == D("0.0000012")
    third = cost([rate(per=3, input=D(1))], calls(input_tokens=1)).tokens
    assert third == D("0." + "3" * 60)


@pytest.mark.parametrize(
    ("day", "expected"),
    [(date(2025, 12, 31), None), (date(2026, 1, 1), D("1.2")), (date(2026, 10, 1), D(2))],
)
def test_the_price_of_the_day_counts(day: date, expected: Decimal | None) -> None:
    rates = [rate(valid_from=date(2026, 10, 1), input=D(2)), RATE]
    assert cost(rates, calls(day=day)).tokens == expected


@pytest.mark.parametrize(
    ("prompt_over", "expected"), [(0, D("1.2")), (128_000, D(2)), (256_000, D(4))]
)
def test_a_long_prompt_prices_the_whole_request(prompt_over: int, expected: Decimal) -> None:
    rates = [
        rate(above_prompt_tokens=128_000, input=D(2)),
        RATE,
        rate(above_prompt_tokens=256_000, input=D(4)),
    ]
    assert CostBook("USD", tuple(rates)).thresholds == (128_000, 256_000)
    assert cost(rates, calls(prompt_over=prompt_over)).tokens == expected


ANY, OWN, OTHER = (
    rate(provider="", input=D(3)),
    RATE,
    rate(provider="openrouter", input=D(2)),
)


@pytest.mark.parametrize(
    ("rates", "provider", "expected"),
    [
        pytest.param([ANY, OWN, OTHER], "dashscope", D("1.2"), id="a provider's own price"),
        pytest.param([ANY, OWN], "openrouter", D(3), id="the price of any provider"),
        pytest.param([OWN], "openrouter", None, id="another provider's price is not taken"),
        pytest.param([OWN], "", D("1.2"), id="no provider named and one sells it"),
        pytest.param([OWN, OTHER], "", None, id="no provider named and two sell it"),
        pytest.param([ANY, OWN, OTHER], "", D(3), id="no provider named and one price for any"),
    ],
)
def test_whose_price_it_is(rates: list[TokenRate], provider: str, expected: Decimal | None) -> None:
    assert cost(rates, calls(provider=provider)).tokens == expected


PLAIN, BATCH = RATE, rate(service_tier="batch", input=D("0.6"))


@pytest.mark.parametrize(
    ("rates", "tier", "expected"),
    [
        pytest.param([PLAIN, BATCH], "batch", D("0.6"), id="its own tier"),
        pytest.param([PLAIN, BATCH], "", D("1.2"), id="no tier"),
        pytest.param([PLAIN, BATCH], "standard", D("1.2"), id="standard is no tier"),
        pytest.param([PLAIN], "batch", None, id="a tier is not priced as no tier"),
        pytest.param([BATCH], "", None, id="no tier is not priced as a tier"),
    ],
)
def test_which_tier_it_is(rates: list[TokenRate], tier: str, expected: Decimal | None) -> None:
    assert cost(rates, calls(service_tier=tier)).tokens == expected


def test_a_modality_without_a_price_is_unpriced_and_named() -> None:
    found = cost([RATE], CALLS, calls(modality="audio"))
    assert found.tokens is None
    assert found.unpriced == {"dashscope/qwen-max audio"}


def test_a_class_without_a_price_is_unpriced_only_where_it_occurs() -> None:
    no_reads = rate(cache_read=None)
    assert cost([no_reads], CALLS).tokens == D("1.2")
    found = cost([no_reads], calls(cache_read_tokens=1))
    assert (found.tokens, found.unpriced) == (None, {"dashscope/qwen-max cache_read"})


def test_free_is_an_explicit_zero() -> None:
    found = cost([rate(input=D(0))], CALLS)
    assert (found.tokens, found.unpriced) == (D(0), set())


def test_a_price_in_another_currency_is_no_price() -> None:
    found = cost([rate(currency="CNY")], CALLS)
    assert found.unpriced == {"dashscope/qwen-max is priced in CNY, not USD"}


def test_waste_is_told_apart_and_adds_up_to_the_cost() -> None:
    wasted = {"input_tokens": 1_000_000, "repeated_tokens": 250_000}
    found = cost(
        [RATE],
        calls(**wasted),
        calls(**wasted, outcome="failed"),
        calls(**wasted, outcome="retried"),
    )
    # Each call costs 1.2; a quarter of its input, 0.3, had been computed before.
    assert (found.useful, found.failed, found.retried) == (D("0.9"), D("0.9"), D("0.9"))
    assert found.repeated == D("0.9")
    assert found.tokens == D("3.6")
    # 750,000 × (1.2 − 0.24) per million
    assert found.saving == D("0.72")


def test_the_saving_in_reach_is_unknown_without_a_price_of_cache_reads() -> None:
    found = cost([rate(cache_read=None)], calls(repeated_tokens=1))
    assert (found.tokens, found.saving) == (D("1.2"), None)


def test_chips_and_tools_are_priced_by_the_day() -> None:
    book = CostBook(
        "USD",
        units=(
            UnitRate(
                kind="chip",
                name="p800",
                valid_from=date(2026, 10, 1),
                currency="USD",
                amount=D("0.0004"),
            ),
        ),
    )
    found = Cost()
    book.add_units(found, "chip", "p800", date(2026, 10, 1), D("1000.5"))
    assert found.total == D("0.40020")
    book.add_units(found, "chip", "p800", date(2026, 9, 30), D(1))
    book.add_units(found, "tool", "search", date(2026, 10, 1), D(1))
    assert found.unpriced == {"chip p800", "tool search"}
    assert found.total is None
