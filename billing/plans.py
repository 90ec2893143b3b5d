"""Brings plans and their versions to what a file says."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any

from billing.charges import check_charge
from billing.configuration_schema import (
    AllowanceEntry,
    ChargeEntry,
    ConfigurationError,
    FeeEntry,
    PlanEntry,
)
from billing.models import Charge, Plan, PlanVersion
from billing.plan_checks import check_allowances, check_codes, check_money
from billing.plan_parts import Allowance, Fee
from billing.rating.errors import ChargeError
from billing.rating.money import plain
from billing.rating.numeric import not_negative

Entry = ChargeEntry | FeeEntry | AllowanceEntry
Row = Charge | Fee | Allowance


def apply_plans(entries: list[PlanEntry]) -> Iterator[str]:
    """Write the versions; yield a line for each change. Raises ConfigurationError."""
    seen: dict[tuple[str, date], None] = {}
    currencies: dict[str, str] = {}
    for n, entry in enumerate(entries):
        path = f"plans[{n}]"
        if (entry.code, entry.valid_from) in seen:
            raise ConfigurationError(
                f"{path}: plan {entry.code} {entry.valid_from} is in the file twice"
            )
        seen[entry.code, entry.valid_from] = None
        if currencies.setdefault(entry.code, entry.currency) != entry.currency:
            raise ConfigurationError(f"{path}.currency: differs from another version of the plan")
        _check(entry, path)
        yield from _plan(entry)


def _check(entry: PlanEntry, path: str) -> None:
    check_codes(entry, path)
    try:
        for n, item in enumerate(entry.charges):
            check_charge(item.charge, item.meter, f"{path}.charges[{n}]")
        check_allowances(entry, path)
        check_money(entry, path)
    except ChargeError as error:
        raise ConfigurationError(str(error)) from error


def _plan(entry: PlanEntry) -> Iterator[str]:
    plan, _ = Plan.objects.get_or_create(code=entry.code, defaults={"currency": entry.currency})
    if plan.currency != entry.currency:
        yield f"~ plan {plan}: currency {plan.currency} → {entry.currency}"
        plan.currency = entry.currency
        plan.save()
    version, new = PlanVersion.objects.get_or_create(plan=plan, valid_from=entry.valid_from)
    changes = [
        *_parts(version, Charge, "charge", entry.charges),
        *_parts(version, Fee, "fee", entry.fees),
        *_parts(version, Allowance, "allowance", entry.allowances),
        *_commitment(version, entry),
    ]
    if new:
        yield f"+ plan {version}"
    else:
        yield from (f"~ plan {version}: {change}" for change in changes)


def _commitment(version: PlanVersion, entry: PlanEntry) -> Iterator[str]:
    before, given = version.minimum_commitment, entry.minimum_commitment
    amount = None if given is None else not_negative(given, "minimum_commitment")
    if before != amount:
        version.minimum_commitment = amount
        version.save()
        told = ["none" if value is None else plain(value) for value in (before, amount)]
        yield f"minimum_commitment {told[0]} → {told[1]}"


def _parts(
    version: PlanVersion, model: type[Row], word: str, entries: Sequence[Entry]
) -> Iterator[str]:
    """Rows of one kind, in their order: made anew when any of them differs."""
    rows: Any = model._default_manager.filter(version=version).order_by("position")
    before = {row.code: _CONTENT[model](row) for row in rows}
    after = {entry.code: _CONTENT[model](entry) for entry in entries}
    if list(before.items()) != list(after.items()):
        rows.delete()
        rows.bulk_create(
            model(version=version, position=n, code=code, **content)
            for n, (code, content) in enumerate(after.items(), start=1)
        )
    yield from _differences(before, after, word)


def _charge(item: Any) -> dict[str, Any]:
    return {"meter": item.meter, "charge": item.charge}


def _fee(item: Any) -> dict[str, Any]:
    names = ("description", "interval", "in_advance", "prorate")
    amount = item.amount if isinstance(item, Fee) else not_negative(item.amount, "amount")
    return {name: getattr(item, name) for name in names} | {"amount": amount}


def _allowance(item: Any) -> dict[str, Any]:
    units = item.units if isinstance(item, Allowance) else not_negative(item.units, "units")
    return {"charges": item.charges, "prorate": item.prorate, "units": units}


_CONTENT: dict[type[Row], Callable[[Any], dict[str, Any]]] = {
    Charge: _charge,
    Fee: _fee,
    Allowance: _allowance,
}


def copy_parts(source: PlanVersion, version: PlanVersion) -> None:
    """Give a new version what another has: charges, fees, allowances and commitment."""
    if version.minimum_commitment is None:
        version.minimum_commitment = source.minimum_commitment
        version.save()
    for model, content in _CONTENT.items():
        rows: Any = model._default_manager
        rows.bulk_create(
            model(version=version, position=row.position, code=row.code, **content(row))
            for row in rows.filter(version=source)
        )


def _differences(before: dict[str, Any], after: dict[str, Any], word: str) -> Iterator[str]:
    for code in sorted(before.keys() - after.keys()):
        yield f"{word} {code} removed"
    for code, content in after.items():
        if code not in before:
            yield f"{word} {code} added"
        elif before[code] != content:
            yield f"{word} {code} changed"
    if list(before) != list(after) and before.keys() == after.keys():
        yield f"order of {word}s changed"
