"""What a plan in a file has to keep to beyond its shape: codes, allowances, amounts of money."""

from billing.commitment_lines import CODE as COMMITMENT
from billing.configuration_schema import ChargeEntry, ConfigurationError, PlanEntry
from billing.configured_rows import check_minor_units
from billing.rating.charge import parse_charge
from billing.rating.charge_models.graduated import Graduated
from billing.rating.charge_models.package import Package
from billing.rating.charge_models.per_unit import PerUnit
from billing.rating.charge_models.volume import Volume
from billing.rating.numeric import not_negative

# What prices a number of units, so that some of them can be free.
_BY_UNITS = (PerUnit, Package, Graduated, Volume)


def check_codes(entry: PlanEntry, path: str) -> None:
    """A code is a line's name: no two charges or fees of a plan share one."""
    codes = {COMMITMENT}
    charges = [(f"charges[{n}]", item.code) for n, item in enumerate(entry.charges)]
    fees = [(f"fees[{n}]", item.code) for n, item in enumerate(entry.fees)]
    for at, code in charges + fees:
        if code in codes:
            problem = f"{code!r} is used twice in this plan"
            if code == COMMITMENT:
                problem = f"{code!r} names the line of a minimum commitment"
            raise ConfigurationError(f"{path}.{at}.code: {problem}")
        codes.add(code)


def check_allowances(entry: PlanEntry, path: str) -> None:
    """Each names charges of the plan that are priced by units, and no other allowance does."""
    charges = {item.code: item for item in entry.charges}
    taken: set[str] = set()
    codes: set[str] = set()
    for n, allowance in enumerate(entry.allowances):
        at = f"{path}.allowances[{n}]"
        not_negative(allowance.units, f"{at}.units")
        if allowance.code in codes:
            raise ConfigurationError(f"{at}.code: {allowance.code!r} is used twice in this plan")
        codes.add(allowance.code)
        for m, code in enumerate(allowance.charges):
            if code not in charges:
                raise ConfigurationError(f"{at}.charges[{m}]: the plan has no charge {code!r}")
            if code in taken:
                raise ConfigurationError(f"{at}.charges[{m}]: {code!r} is in two allowances")
            if not _by_units(charges[code]):
                problem = f"{code!r} is not priced by the month's units, so none can be free"
                raise ConfigurationError(f"{at}.charges[{m}]: {problem}")
            taken.add(code)


def _by_units(item: ChargeEntry) -> bool:
    windowed = bool(item.meter and item.meter.get("window"))
    return isinstance(parse_charge(item.charge).model, _BY_UNITS) and not windowed


def check_money(entry: PlanEntry, path: str) -> None:
    """Amounts that are billed and split as they are have no more decimals than the currency."""
    for n, fee in enumerate(entry.fees):
        at = f"{path}.fees[{n}].amount"
        check_minor_units(not_negative(fee.amount, at), entry.currency, at)
    if entry.minimum_commitment is not None:
        at = f"{path}.minimum_commitment"
        check_minor_units(not_negative(entry.minimum_commitment, at), entry.currency, at)
