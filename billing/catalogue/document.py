"""A price catalogue as one value: providers, the rules by which names find their models, prices.

Amounts are in the document's currency for `per` tokens. Nothing here reads a file or a database.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Literal

from msgspec import Struct

Kind = Literal["starts_with", "ends_with", "contains", "regex", "equals", "or", "and"]


class Clause(Struct, frozen=True, array_like=True, omit_defaults=True):
    """A rule over a name: `text` of one kind, or `parts` of an or and an and."""

    kind: Kind
    text: str = ""
    parts: tuple["Clause", ...] = ()


class Rate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a model costs in one modality and service tier, from a length of the prompt on.

    `above_prompt_tokens` prices the whole request when its prompt, cached or not, is longer. A
    class that is None is not sold; free is 0.
    """

    modality: str = "text"
    service_tier: str = ""
    above_prompt_tokens: int = 0
    input: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    cache_write_long: Decimal | None = None
    output: Decimal | None = None


class Version(Struct, frozen=True, kw_only=True):
    """All rates of a model from a date on, until the next version."""

    valid_from: date
    rates: tuple[Rate, ...]


class Model(Struct, frozen=True, kw_only=True):
    """A model and its versions, oldest first."""

    code: str
    match: Clause
    versions: tuple[Version, ...]

    def on(self, day: date) -> Version | None:
        """The version in force on a day."""
        past = [version for version in self.versions if version.valid_from <= day]
        return past[-1] if past else None


class Provider(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A seller of models. Of several models that match a name the first is meant.

    `match` is over the names of the provider itself, `makes` over those of models that are known
    to be its own when nobody says whose they are; `fallbacks` are other providers whose models it
    resells at their prices.
    """

    code: str
    models: tuple[Model, ...]
    match: Clause | None = None
    makes: Clause | None = None
    fallbacks: tuple[str, ...] = ()


class Document(Struct, frozen=True, kw_only=True):
    """The whole catalogue; `source` says which edition of what it was made from."""

    source: str
    currency: str
    per: int
    providers: tuple[Provider, ...]

    def models(self) -> Iterator[tuple[str, Model]]:
        """Every model with its provider's code."""
        for provider in self.providers:
            for model in provider.models:
                yield provider.code, model
