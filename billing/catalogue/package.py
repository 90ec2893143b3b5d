"""The catalogue of the package genai-prices as a document: the only import of it.

The package's data are decimals as its authors wrote them, and are read as shipped: nothing is
downloaded. What cannot be said in the cost book's terms is left out and named, so that it is
unpriced rather than wrong.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from importlib.metadata import version

from genai_prices import types
from genai_prices.data import providers

from billing.catalogue.document import Clause, Document, Kind, Model, Provider, Rate, Version

FIRST = date(1970, 1, 1)
_MODALITIES = ("audio", "image", "video")
# Request contexts that are service tiers here. Any other one (a route, a kind of search) is none.
_TIER_KEYS = ("processing", "service_tier", "speed")
_PLAIN = "default"
# What a request would cost beside its tokens, or a class of tokens that no event tells apart.
_BEYOND_TOKENS = {
    "requests_kcount": "priced by the request",
    "output_reasoning_mtok": "reasoning has a price of its own",
    "output_citation_mtok": "citations have a price of their own",
}
_CLAUSES: tuple[tuple[type[object], Kind], ...] = (
    (types.ClauseStartsWith, "starts_with"),
    (types.ClauseEndsWith, "ends_with"),
    (types.ClauseContains, "contains"),
    (types.ClauseRegex, "regex"),
    (types.ClauseEquals, "equals"),
)


class NotSayable(Exception):
    """Why a model's prices are no prices of tokens by class."""


@dataclass(frozen=True, slots=True)
class Package:
    """The document, and `provider/model: reason` of what it leaves out."""

    document: Document
    left_out: tuple[str, ...]


def read_package() -> Package:
    """The catalogue of the installed version."""
    left_out: list[str] = []
    document = Document(
        source=f"genai-prices {version('genai-prices')}",
        currency="USD",
        per=1_000_000,
        providers=tuple(_provider(provider, left_out) for provider in providers),
    )
    return Package(document, tuple(left_out))


def _provider(provider: types.Provider, left_out: list[str]) -> Provider:
    models = []
    for model in provider.models:
        try:
            versions = tuple(_versions(model))
        except NotSayable as reason:
            left_out.append(f"{provider.id}/{model.id}: {reason}")
            versions = ()
        # Also without prices: a name that means this model must not find the next that matches.
        models.append(Model(code=model.id, match=_clause(model.match), versions=versions))
    return Provider(
        code=provider.id,
        models=tuple(models),
        match=_optional(provider.provider_match),
        makes=_optional(provider.model_match),
        fallbacks=tuple(provider.fallback_model_providers or ()),
    )


def _optional(clause: object) -> Clause | None:
    return None if clause is None else _clause(clause)


def _clause(clause: object) -> Clause:
    if isinstance(clause, types.ClauseOr):
        return Clause("or", parts=tuple(map(_clause, clause.or_)))
    if isinstance(clause, types.ClauseAnd):
        return Clause("and", parts=tuple(map(_clause, clause.and_)))
    kind = next(kind for known, kind in _CLAUSES if isinstance(clause, known))
    return Clause(kind, getattr(clause, kind))


def _versions(model: types.ModelInfo) -> Iterator[Version]:
    """One for each date on which some price changes."""
    conditional = model.prices if isinstance(model.prices, list) else []
    variants = model.price_variants or []
    constraints = [price.constraint for price in conditional]
    constraints += [variant.constraint for variant in variants]
    if any(isinstance(constraint, types.TimeOfDateConstraint) for constraint in constraints):
        raise NotSayable("priced by the time of day")
    days = {c.start_date for c in constraints if isinstance(c, types.StartDateConstraint)}
    before: tuple[Rate, ...] = ()
    for day in sorted({FIRST} | days):
        rates = tuple(_rates(model, datetime.combine(day, time(12), tzinfo=UTC)))
        if rates != before:
            yield Version(valid_from=day, rates=rates)
        before = rates


def _rates(model: types.ModelInfo, moment: datetime) -> Iterator[Rate]:
    yield from _of_prices(model.get_prices(moment), "")
    tiers: set[str] = set()
    for variant in model.price_variants or []:
        tier = next((variant.when[key] for key in _TIER_KEYS if key in variant.when), "")
        active = variant.constraint is None or variant.constraint.active(moment)
        if not active or len(variant.when) > 1 or tier in tiers | {"", _PLAIN}:
            continue
        tiers.add(tier)
        yield from _of_prices(model.get_prices(moment, variant.when), tier)


def _of_prices(prices: types.ModelPrice, tier: str) -> Iterator[Rate]:
    given = {key: price for key, price in vars(prices).items() if price is not None}
    for key, reason in _BEYOND_TOKENS.items():
        if key in given:
            raise NotSayable(reason)
    if not {"input_mtok", "output_mtok"} & given.keys():
        raise NotSayable("not priced by tokens")
    tokens = {key: price for key, price in given.items() if key.endswith("_mtok")}
    tiered = [price for price in tokens.values() if isinstance(price, types.TieredPrices)]
    for above in sorted({0} | {step.start for price in tiered for step in price.tiers}):
        at = {key: _at(price, above) for key, price in tokens.items()}
        for modality in ("text", *_MODALITIES):
            if classes := _classes(at, modality):
                yield Rate(
                    modality=modality, service_tier=tier, above_prompt_tokens=above, **classes
                )


def _at(price: Decimal | types.TieredPrices, prompt_over: int) -> Decimal:
    """The price of a request whose prompt is longer than so many tokens."""
    if isinstance(price, Decimal):
        return price
    reached = [step for step in price.tiers if step.start <= prompt_over]
    return max(reached, key=lambda step: step.start).price if reached else price.base


def _classes(at: Mapping[str, Decimal], modality: str) -> dict[str, Decimal | None]:
    """The token classes of a modality; empty where it has no price of its own.

    As the package has it, what no special price is given for costs as what it is a part of: audio
    as anything, what is read from a cache or written to it as any input.
    """
    own = "" if modality == "text" else f"{modality}_"
    if own and not any(f"_{own}" in key for key in at):
        return {}
    entered = at.get(f"input_{own}mtok", at.get("input_mtok"))
    return {
        "input": entered,
        "cache_read": at.get(f"cache_{own}read_mtok", at.get("cache_read_mtok", entered)),
        "cache_write": at.get(f"cache_{own}write_mtok", at.get("cache_write_mtok", entered)),
        "cache_write_long": at.get(f"cache_{own}write_1h_mtok", at.get("cache_write_1h_mtok")),
        "output": at.get(f"output_{own}mtok", at.get("output_mtok")),
    }
