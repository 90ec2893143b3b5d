"""Brings plans and their versions to what a file says."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from billing.charges import check_charge
from billing.configuration_schema import ChargeEntry, ConfigurationError, PlanEntry
from billing.models import Charge, Plan, PlanVersion
from billing.rating.errors import ChargeError


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
        _check_charges(entry.charges, path)
        yield from _plan(entry)


def _check_charges(charges: list[ChargeEntry], path: str) -> None:
    codes: set[str] = set()
    for n, entry in enumerate(charges):
        at = f"{path}.charges[{n}]"
        if entry.code in codes:
            raise ConfigurationError(f"{at}.code: {entry.code!r} is used twice in this plan")
        codes.add(entry.code)
        try:
            check_charge(entry.charge, entry.meter, at)
        except ChargeError as error:
            raise ConfigurationError(str(error)) from error


def _plan(entry: PlanEntry) -> Iterator[str]:
    plan, _ = Plan.objects.get_or_create(code=entry.code, defaults={"currency": entry.currency})
    if plan.currency != entry.currency:
        yield f"~ plan {plan}: currency {plan.currency} → {entry.currency}"
        plan.currency = entry.currency
        plan.save()
    version, new = PlanVersion.objects.get_or_create(plan=plan, valid_from=entry.valid_from)
    before = {charge.code: _content(charge) for charge in version.charges.all()}
    after = {charge.code: _content(charge) for charge in entry.charges}
    if list(before.items()) != list(after.items()):
        _replace_charges(version, entry.charges)
    if new:
        yield f"+ plan {version}"
    else:
        yield from (f"~ plan {version}: {change}" for change in _differences(before, after))


def _content(charge: Charge | ChargeEntry) -> tuple[Any, Any]:
    return charge.meter, charge.charge


def _replace_charges(version: PlanVersion, entries: list[ChargeEntry]) -> None:
    version.charges.all().delete()
    Charge.objects.bulk_create(
        Charge(version=version, position=n, code=entry.code, meter=entry.meter, charge=entry.charge)
        for n, entry in enumerate(entries, start=1)
    )


def copy_charges(source: PlanVersion, version: PlanVersion) -> None:
    """Give a new version the charges of another."""
    Charge.objects.bulk_create(
        Charge(
            version=version,
            position=charge.position,
            code=charge.code,
            meter=charge.meter,
            charge=charge.charge,
        )
        for charge in source.charges.all()
    )


def _differences(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    for code in sorted(before.keys() - after.keys()):
        yield f"charge {code} removed"
    for code, content in after.items():
        if code not in before:
            yield f"charge {code} added"
        elif before[code] != content:
            yield f"charge {code} changed"
    if list(before) != list(after) and before.keys() == after.keys():
        yield "order of charges changed"
