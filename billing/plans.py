"""Brings plans and their versions to what a file says."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from billing.configuration_schema import ChargeEntry, ConfigurationError, PlanEntry
from billing.models import Charge, Plan, PlanVersion
from billing.rating.charge import parse_charge
from billing.rating.charge_models.burst import Burst
from billing.rating.charge_models.percentage import Percentage
from billing.rating.errors import ChargeError
from metering.usage.meter import MeterError, parse_meter


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
    for n, charge in enumerate(charges):
        at = f"{path}.charges[{n}]"
        if charge.code in codes:
            raise ConfigurationError(f"{at}.code: {charge.code!r} is used twice in this plan")
        codes.add(charge.code)
        try:
            _check_charge(charge, at)
        except ChargeError as error:
            raise ConfigurationError(str(error)) from error
        except MeterError as error:
            raise ConfigurationError(f"{at}.{error}") from error


def _check_charge(entry: ChargeEntry, path: str) -> None:
    charge = parse_charge(entry.charge, f"{path}.charge")
    if isinstance(charge.model, Burst):
        if entry.meter is not None:
            raise ConfigurationError(f"{path}.meter: the contracts of a burst charge count chips")
    elif entry.meter is None:
        raise ConfigurationError(f"{path}.meter: is missing")
    elif isinstance(charge.model, Percentage) and charge.model.prices_each_event:
        raise ConfigurationError(f"{path}.charge: amounts per event cannot be invoiced yet")
    else:
        parse_meter(entry.meter)


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
