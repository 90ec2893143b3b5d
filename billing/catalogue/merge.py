"""A newer edition of the catalogue laid over the one in use, without rewriting what was said.

A version once taken is never changed or dropped unless it is still to come. A price that the new
edition dates is taken from its date on; one that merely differs, from the day of the merge on.
"""

from collections.abc import Iterable
from datetime import date

from msgspec.structs import replace

from billing.catalogue.document import Document, Model, Provider, Version


def merge(old: Document | None, new: Document, today: date, only: Iterable[str] = ()) -> Document:
    """The merged catalogue; `only` names the providers to take from the new one (all if empty)."""
    wanted = set(only) or {provider.code for provider in new.providers}
    known = {} if old is None else {provider.code: provider for provider in old.providers}
    providers: list[Provider] = []
    for provider in new.providers:
        before = known.pop(provider.code, None)
        if provider.code in wanted:
            providers.append(_provider(before, provider, today))
        elif before is not None:
            providers.append(before)
    return replace(new, providers=(*providers, *known.values()))


def changes(old: Document | None, new: Document) -> list[str]:
    """What a merge changed, a line for each model."""
    before = {} if old is None else {(seller, m.code): m for seller, m in old.models()}
    lines = []
    for seller, model in new.models():
        versions = before[seller, model.code].versions if (seller, model.code) in before else ()
        dates = [f"{v.valid_from}" for v in model.versions if v not in versions]
        if (seller, model.code) not in before:
            lines.append(f"+ {seller}/{model.code}")
        elif dates:
            lines.append(f"~ {seller}/{model.code} from {', '.join(dates)}")
    return lines


def _provider(old: Provider | None, new: Provider, today: date) -> Provider:
    known = {} if old is None else {model.code: model for model in old.models}
    models = [_model(known.pop(model.code, None), model, today) for model in new.models]
    # A model that is not sold any more was sold once; it stands last, where it hides no other.
    return replace(new, models=(*models, *known.values()))


def _model(old: Model | None, new: Model, today: date) -> Model:
    if old is None or not old.versions:
        return new
    versions = {version.valid_from: version for version in old.versions}
    for version in new.versions:
        if version.valid_from > today or version.valid_from not in versions:
            versions[version.valid_from] = version
    merged = replace(new, versions=_ordered(versions))
    wanted, found = new.on(today), merged.on(today)
    if wanted is not None and (found is None or found.rates != wanted.rates):
        versions[today] = replace(wanted, valid_from=today)
    return replace(new, versions=_ordered(versions))


def _ordered(versions: dict[date, Version]) -> tuple[Version, ...]:
    return tuple(versions[day] for day in sorted(versions))
