"""How the names that clients report find a catalogue's model. The same names find the same one."""

import re
from collections.abc import Iterable
from datetime import date

from billing.catalogue.document import Clause, Document, Model, Provider

# Names of OpenTelemetry and LiteLLM that the catalogue's own rules miss.
_PROVIDERS = {
    "gcp.gen_ai": "google",
    "x_ai": "x-ai",
    "fireworks_ai": "fireworks",
    "meta_llama": "meta",
}
# Before any rule: what sells OpenAI's models in Azure has openai in its name, too.
_AZURE = ("azure", "az.ai")
_COMPACT_DATE = re.compile(r"-(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)")


class Names:
    """The names of one catalogue; what was found once is remembered."""

    def __init__(self, document: Document) -> None:
        self._providers = {provider.code: provider for provider in document.providers}
        self._found: dict[tuple[str, str], Model | None] = {}

    def find(self, provider: str, model: str) -> Model | None:
        """The model that a provider, or nobody ("") said to sell, calls so; None if unknown."""
        key = provider.strip().lower(), model.strip().lower()
        if key not in self._found:
            self._found[key] = self._find(*key)
        return self._found[key]

    def _find(self, provider: str, model: str) -> Model | None:
        seller = self._seller(provider) if provider else self._maker(model)
        if seller is None:
            return None
        others = [self._providers[code] for code in seller.fallbacks if code in self._providers]
        # A date may be written without its dashes, which only counts if nothing matches it as is.
        for name in dict.fromkeys((model, _dashed(model))):
            for candidate in (seller, *others):
                if found := _first(candidate.models, name):
                    return found
        return None

    def _seller(self, name: str) -> Provider | None:
        name = "azure" if name.startswith(_AZURE) else _PROVIDERS.get(name, name)
        if name in self._providers:
            return self._providers[name]
        known = (p for p in self._providers.values() if p.match and matches(p.match, name))
        return next(known, None)

    def _maker(self, model: str) -> Provider | None:
        known = (p for p in self._providers.values() if p.makes and matches(p.makes, model))
        return next(known, None)


def matches(clause: Clause, name: str) -> bool:
    """Whether a name, in lower case, is one that the rule means."""
    text = clause.text.lower()
    match clause.kind:
        case "starts_with":
            return name.startswith(text)
        case "ends_with":
            return name.endswith(text)
        case "contains":
            return text in name
        case "equals":
            return name == text
        case "regex":
            return re.search(clause.text, name) is not None
        case "or":
            return any(matches(part, name) for part in clause.parts)
        case "and":
            return all(matches(part, name) for part in clause.parts)


def _first(models: Iterable[Model], name: str) -> Model | None:
    return next((model for model in models if matches(model.match, name)), None)


def _dashed(model: str) -> str:
    """gpt-4o-20240806 as gpt-4o-2024-08-06."""

    def dashed(found: re.Match[str]) -> str:
        year, month, day = (int(part) for part in found.groups())
        try:
            return f"-{date(year, month, day)}"
        except ValueError:
            return found.group()

    return _COMPACT_DATE.sub(dashed, model)
