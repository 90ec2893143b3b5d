"""The cost book: what the operator pays for tokens, chips and tools. No database, exact to the end.

What the book does not know is unpriced: it is named, and whatever contains it has no cost.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, Inexact
from functools import cached_property
from typing import Protocol

from msgspec import Struct

from billing.rating.money import EXACT, ROUNDED, ZERO
from metering.usage.calls import FAILED, RETRIED, USEFUL, PricedCalls

# Where a price per a number such as 3 never ends.
_CUT = Decimal("1e-60")
# What a request without a service tier is, and what it is named by those who name it.
PLAIN_TIERS = ("", "standard", "default")


class TokenRate(Struct, frozen=True, kw_only=True):
    """A model's price from a date on; a class that is None has no price."""

    provider: str
    model: str
    modality: str
    service_tier: str
    above_prompt_tokens: int
    valid_from: date
    currency: str
    per: int
    input: Decimal | None
    cache_read: Decimal | None
    cache_write: Decimal | None
    cache_write_long: Decimal | None
    output: Decimal | None

    @property
    def long_write(self) -> Decimal | None:
        return self.cache_write if self.cache_write_long is None else self.cache_write_long


class UnitRate(Struct, frozen=True, kw_only=True):
    """The price of a chip-second or of a tool's unit from a date on."""

    kind: str
    name: str
    valid_from: date
    currency: str
    amount: Decimal


class ListPrices(Protocol):
    """A public catalogue as far as the book needs it."""

    @property
    def thresholds(self) -> tuple[int, ...]: ...

    @property
    def change_days(self) -> frozenset[date]: ...

    def rate(self, calls: PricedCalls) -> TokenRate | None: ...


@dataclass(slots=True)
class Cost:
    """What some usage cost, by what became of the work; adding two gives their union.

    `repeated` is context computed again, at its input price, whatever became of the call; `saving`
    is what of it a cache would have saved, None where no price of a cache read is known.
    """

    useful: Decimal = ZERO
    repeated: Decimal = ZERO
    failed: Decimal = ZERO
    retried: Decimal = ZERO
    chips: Decimal = ZERO
    tools: Decimal = ZERO
    saving: Decimal | None = ZERO
    unpriced: set[str] = field(default_factory=set)

    @property
    def tokens(self) -> Decimal | None:
        """The cost of all tokens, None when some have no price."""
        return self._known(self.useful, self.repeated, self.failed, self.retried)

    @property
    def total(self) -> Decimal | None:
        """Everything, None when something has no price."""
        parts = (self.useful, self.repeated, self.failed, self.retried, self.chips, self.tools)
        return self._known(*parts)

    def _known(self, *parts: Decimal) -> Decimal | None:
        if self.unpriced:
            return None
        total = ZERO
        for part in parts:
            total = EXACT.add(total, part)
        return total

    def add(self, name: str, amount: Decimal) -> None:
        setattr(self, name, EXACT.add(getattr(self, name), amount))


@dataclass(frozen=True)
class CostBook:
    """Prices in force by date. Costs are wanted in `currency`; another one is as good as none."""

    currency: str
    tokens: tuple[TokenRate, ...] = ()
    units: tuple[UnitRate, ...] = ()
    # List prices of a public catalogue, for models that the book itself has no price of.
    listed: ListPrices | None = None
    # What is asked for calls that neither has a price of.
    later: "CostBook | None" = None

    @cached_property
    def thresholds(self) -> tuple[int, ...]:
        """Every prompt length at which some price changes."""
        own = {rate.above_prompt_tokens for rate in self.tokens} - {0}
        others = [book.thresholds for book in (self.listed, self.later) if book]
        return tuple(sorted(own.union(*others)))

    @cached_property
    def change_days(self) -> tuple[date, ...]:
        """Every day on which some price begins: on those between two of them, prices are equal."""
        own = {rate.valid_from for rate in self.tokens} | {rate.valid_from for rate in self.units}
        others = [book.change_days for book in (self.listed, self.later) if book]
        return tuple(sorted(own.union(*others)))

    @cached_property
    def _by_model(self) -> dict[str, list[TokenRate]]:
        found: dict[str, list[TokenRate]] = defaultdict(list)
        for rate in self.tokens:
            found[rate.model].append(rate)
        return found

    def token_rate(self, calls: PricedCalls) -> TokenRate | None:
        """The price of these calls, or None."""
        found = self._own_or_listed(calls)
        return self.later.token_rate(calls) if found is None and self.later else found

    def _own_or_listed(self, calls: PricedCalls) -> TokenRate | None:
        in_force = [
            rate for rate in self._by_model.get(calls.model, ()) if rate.valid_from <= calls.day
        ]
        rates = [
            rate
            for rate in in_force
            if rate.modality == calls.modality and rate.above_prompt_tokens <= calls.prompt_over
        ]
        for provider in self._providers(calls, rates):
            if found := _of_tier(calls.service_tier, [r for r in rates if r.provider == provider]):
                # Of prices for long prompts the longest one reached; of those the newest.
                return max(found, key=lambda rate: (rate.above_prompt_tokens, rate.valid_from))
        return None if self.listed is None or _sold(calls, in_force) else self.listed.rate(calls)

    def _providers(self, calls: PricedCalls, rates: list[TokenRate]) -> tuple[str, ...]:
        """Whose prices to look at, in order. Without a provider, the only seller there is."""
        if calls.provider:
            return calls.provider, ""
        sellers = {rate.provider for rate in rates if _of_tier(calls.service_tier, [rate])}
        if "" in sellers or len(sellers) != 1:
            return ("",)
        return tuple(sellers)

    def unit_rate(self, kind: str, name: str, day: date) -> UnitRate | None:
        """The price of a chip or a tool on a day, or None."""
        rates = [
            rate
            for rate in self.units
            if (rate.kind, rate.name) == (kind, name) and rate.valid_from <= day
        ]
        return max(rates, key=lambda rate: rate.valid_from, default=None)

    def add_calls(self, cost: Cost, calls: PricedCalls) -> None:
        """Add what the calls cost."""
        name = "/".join(filter(None, (calls.provider, calls.model, calls.service_tier)))
        rate = self.token_rate(calls)
        if problem := self._problem(rate, name, calls):
            cost.unpriced.add(problem)
        elif rate is not None:
            self._add_priced(cost, calls, rate)

    def _problem(self, rate: TokenRate | None, name: str, calls: PricedCalls) -> str:
        if rate is None:
            return name if calls.modality == "text" else f"{name} {calls.modality}"
        if rate.currency != self.currency:
            return f"{name} is priced in {rate.currency}, not {self.currency}"
        missing = [part for part, tokens, price in _parts(calls, rate) if tokens and price is None]
        return f"{name} {missing[0]}" if missing else ""

    def _add_priced(self, cost: Cost, calls: PricedCalls, rate: TokenRate) -> None:
        total = ZERO
        for _, tokens, price in _parts(calls, rate):
            total = EXACT.add(total, _times(tokens, price or ZERO, rate.per))
        # Context that was computed again stands among the input, or was written to a cache anew.
        computed = rate.cache_write if rate.input is None else rate.input
        repeated = _times(calls.repeated_tokens, computed or ZERO, rate.per)
        cost.add("repeated", repeated)
        cost.add(_OUTCOMES[calls.outcome], EXACT.subtract(total, repeated))
        if not calls.repeated_tokens:
            return
        if cost.saving is None or rate.cache_read is None or computed is None:
            cost.saving = None
        else:
            difference = EXACT.subtract(computed, rate.cache_read)
            cost.add("saving", _times(calls.repeated_tokens, difference, rate.per))

    def add_units(self, cost: Cost, kind: str, name: str, day: date, quantity: Decimal) -> None:
        """Add chip-seconds (`kind` chip) or units of a tool."""
        rate = self.unit_rate(kind, name, day)
        if rate is None:
            cost.unpriced.add(f"{kind} {name}")
        elif rate.currency != self.currency:
            cost.unpriced.add(f"{kind} {name} is priced in {rate.currency}, not {self.currency}")
        else:
            cost.add(f"{kind}s", EXACT.multiply(quantity, rate.amount))


def call_cost(book: CostBook, calls: Iterable[PricedCalls]) -> Cost:
    """What a set of calls cost."""
    cost = Cost()
    for some in calls:
        book.add_calls(cost, some)
    return cost


_OUTCOMES = {USEFUL: "useful", FAILED: "failed", RETRIED: "retried"}


def _sold(calls: PricedCalls, in_force: list[TokenRate]) -> bool:
    """Whether the operator's own book has this model from this seller, in whatever tier.

    Then it is meant to say all of it: what it leaves out is unpriced, not at the list price.
    """
    return any(not calls.provider or rate.provider in {calls.provider, ""} for rate in in_force)


def _of_tier(tier: str, rates: list[TokenRate]) -> list[TokenRate]:
    """The prices of exactly this tier; a plain request also takes those without one."""
    exact = [rate for rate in rates if rate.service_tier == tier]
    if exact or tier not in PLAIN_TIERS:
        return exact
    return [rate for rate in rates if not rate.service_tier]


def _parts(calls: PricedCalls, rate: TokenRate) -> list[tuple[str, int, Decimal | None]]:
    """The disjoint classes of tokens, each with its price."""
    short_write = calls.cache_write_tokens - calls.cache_write_long_tokens
    return [
        ("input", calls.input_tokens, rate.input),
        ("cache_read", calls.cache_read_tokens, rate.cache_read),
        ("cache_write", short_write, rate.cache_write),
        ("cache_write_long", calls.cache_write_long_tokens, rate.long_write),
        ("output", calls.output_tokens, rate.output),
    ]


def _times(tokens: int, price: Decimal, per: int) -> Decimal:
    amount = EXACT.multiply(Decimal(tokens), price)
    try:
        return EXACT.divide(amount, Decimal(per))
    except Inexact:
        return ROUNDED.divide(amount, Decimal(per)).quantize(_CUT, context=ROUNDED)
