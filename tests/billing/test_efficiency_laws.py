"""Laws of costs on arbitrary calls: parts add up to the whole, to the last digit."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from billing.costs import Cost, CostBook, call_cost
from billing.queries import token_sums
from billing.rating.money import ZERO
from metering.usage.calls import FAILED, RETRIED, USEFUL, PricedCalls
from metering.usage.efficiency import total
from tests.billing.test_costs import CALLS, rate

TOKENS = st.integers(0, 2**53)
PRICES = st.decimals(min_value=0, max_value=1000, places=6)


@st.composite
def some_calls(draw: st.DrawFn) -> PricedCalls:
    """Sums that calls can have: no more repeated than was computed, no more reusable than sent."""
    entered, read, write = draw(TOKENS), draw(TOKENS), draw(TOKENS)
    long = draw(st.integers(0, write))
    repeated = draw(st.integers(0, entered + write))
    return replace(
        CALLS,
        input_tokens=entered,
        cache_read_tokens=read,
        output_tokens=draw(TOKENS),
        outcome=draw(st.sampled_from([USEFUL, FAILED, RETRIED])),
        cache_write_tokens=write,
        cache_write_long_tokens=long,
        repeated_tokens=repeated,
        reusable_tokens=draw(st.integers(repeated, entered + read + write)),
    )


def price_book(prices: list[Decimal]) -> CostBook:
    names = ("input", "cache_read", "cache_write", "cache_write_long", "output")
    return CostBook("USD", (rate(**dict(zip(names, prices, strict=True))),))


BOOKS = st.lists(PRICES, min_size=5, max_size=5).map(price_book)
MANY = st.lists(some_calls(), max_size=6)


def parts(cost: Cost) -> dict[str, Fraction]:
    names = ("useful", "repeated", "failed", "retried", "saving")
    return {name: Fraction(getattr(cost, name) or ZERO) for name in names}


@given(MANY)
def test_useful_repeated_failed_and_retried_are_all_tokens(calls: list[PricedCalls]) -> None:
    sums = total(token_sums(some) for some in calls)
    useful = sum(c.total_tokens - c.repeated_tokens for c in calls if c.outcome == USEFUL)
    assert sums.effective_tokens == useful
    wasted = sums.repeated_tokens + sums.failed_tokens + sums.retried_tokens
    assert useful + wasted == sums.total_tokens


@given(BOOKS, MANY)
def test_the_parts_of_a_cost_add_up_to_the_price_of_every_token(
    book: CostBook, calls: list[PricedCalls]
) -> None:
    cost, [price] = call_cost(book, calls), book.tokens
    expected = sum((_priced(some, price) for some in calls), Fraction(0))
    assert cost.tokens is not None
    assert Fraction(cost.tokens) == expected
    found = parts(cost)
    assert sum(found[name] for name in ("useful", "repeated", "failed", "retried")) == expected


def _priced(some: PricedCalls, price: object) -> Fraction:
    """Each class of tokens times its price, by schoolbook arithmetic."""
    short = some.cache_write_tokens - some.cache_write_long_tokens
    used = {
        "input": some.input_tokens,
        "cache_read": some.cache_read_tokens,
        "cache_write": short,
        "cache_write_long": some.cache_write_long_tokens,
        "output": some.output_tokens,
    }
    amounts: Iterable[Fraction] = (
        tokens * Fraction(getattr(price, name)) / 1_000_000 for name, tokens in used.items()
    )
    return sum(amounts, Fraction(0))


@given(BOOKS, MANY, st.integers(0, 6))
def test_splitting_a_set_of_calls_splits_its_cost(
    book: CostBook, calls: list[PricedCalls], at: int
) -> None:
    whole, first, second = (
        parts(call_cost(book, some)) for some in (calls, calls[:at], calls[at:])
    )
    assert {name: first[name] + second[name] for name in whole} == whole


@given(BOOKS, MANY, some_calls())
def test_more_calls_never_cost_less(
    book: CostBook, calls: list[PricedCalls], more: PricedCalls
) -> None:
    before, after = call_cost(book, calls).tokens, call_cost(book, [*calls, more]).tokens
    assert before is not None
    assert after is not None
    assert after >= before
