"""What a burst contract that is being edited would cost: in an example month, or a real one."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from billing.contracts import prices, quantities
from billing.contracts import rated as rated_under
from billing.forms.contract_form import MILLISECONDS, PRICES, QUANTITIES, ContractForm
from billing.rating.burst import RatedBurst
from billing.rating.errors import ChargeError
from billing.rating.money import plain, round_money
from billing.terms import ContractTerms
from billing.what_if import what_if
from metering import queries
from metering.models import Tenant
from metering.usage.burst import measure
from metering.usage.burst_level import CHIP, ChipInterval
from metering.usage.burst_usage import BurstUsage
from metering.usage.period import Period, month_period

_DAYS = 30
_DAY_SECONDS = 86_400
_EXAMPLE = Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 31, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Example:
    """Bursts of a month of thirty days: so many chips for so long, spread over each day."""

    chips: int = 8
    minutes: int = 10
    times_a_day: int = 6

    @classmethod
    def read(cls, values: Any) -> "Example":
        """ChargeError, naming the field, for what is no example."""
        found = cls(**{name: _whole(values, name) for name in cls.__dataclass_fields__})
        if found.minutes * found.times_a_day > 24 * 60:
            raise ChargeError("minutes", "and times a day make more than a day")
        return found

    def intervals(self) -> list[ChipInterval]:
        apart = _DAY_SECONDS // max(self.times_a_day, 1)
        start = int(_EXAMPLE.start.timestamp())
        starts = [
            start + day * _DAY_SECONDS + n * apart
            for day in range(_DAYS)
            for n in range(self.times_a_day)
        ]
        held, units = self.minutes * 60, self.chips * CHIP
        return [ChipInterval(at * 10**6, (at + held) * 10**6, units) for at in starts]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractPreview:
    """Amounts of a month under the contract, with the lines that explain them."""

    title: str = ""
    currency: str = ""
    amount: str = ""
    lines: list[dict[str, str]] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)
    problem: str = ""


def contract_preview(form: ContractForm, values: Any) -> ContractPreview:
    """The example month, or with `month` a real one of the contract's tenant."""
    if not form.is_valid():
        said = form.non_field_errors() or [
            f"{name.replace('_', ' ')}: {errors[0]}" for name, errors in form.errors.items()
        ]
        return ContractPreview(problem=str(said[0]))
    try:
        month = values.get("month", "").strip()
        return _real(form, month) if month else _example(form, Example.read(values))
    except (ChargeError, ValueError) as error:
        return ContractPreview(problem=str(error))
    except queries.StoreUnavailable:
        return ContractPreview(problem="The event store is down; the example month needs none.")


def last_month(tenant: Tenant) -> str:
    """The month that last ended on the tenant's clock."""
    today: date = timezone.now().astimezone(ZoneInfo(tenant.timezone)).date()
    return f"{today.replace(day=1) - timedelta(days=1):%Y-%m}"


def _example(form: ContractForm, example: Example) -> ContractPreview:
    contract = _terms(form, _EXAMPLE)
    usage = measure(example.intervals(), quantities(contract), _EXAMPLE)
    title = (
        f"Thirty days with {example.chips} chips for {example.minutes} minutes,"
        f" {example.times_a_day} times a day"
    )
    return _shown(form, title, usage, rated_under(contract, _EXAMPLE, usage))


def _real(form: ContractForm, month: str) -> ContractPreview:
    tenant: Tenant = form.cleaned_data["tenant"]
    period, chip = month_period(month, tenant.timezone), form.cleaned_data["chip"]
    if chip not in queries.chips(tenant, period):
        return ContractPreview(problem=f"{tenant.name} used no {chip} in {month}.")
    cleaned = form.cleaned_data
    changes: dict[str, object] = {n: plain(cleaned[n]) for n in (*QUANTITIES, *PRICES)}
    changes |= {name: cleaned[name] for name in MILLISECONDS}
    changes["burst_tiers"] = form.instance.burst_tiers
    found = what_if(tenant, chip, period, changes)
    [candidate] = found.candidates
    preview = _shown(form, f"{tenant.name} in {month}", candidate.usage, candidate.rated)
    actual = found.actual.amount
    if found.actual.parts and actual is not None:
        preview.facts.append(("Under the contracts it had", _money(actual, tenant)))
    preview.facts.append(
        (
            "Baseline that costs least",
            f"{plain(found.least.baseline)} chips, {_money(found.best.rated.amount, tenant)}",
        )
    )
    return preview


def _shown(form: ContractForm, title: str, usage: BurstUsage, rated: RatedBurst) -> ContractPreview:
    tenant: Tenant = form.cleaned_data["tenant"]
    return ContractPreview(
        title=title,
        currency=tenant.currency,
        amount=f"{round_money(rated.amount, tenant.currency):,f}",
        lines=[
            {
                "description": line.description,
                "quantity": plain(line.quantity),
                "unit_amount": "" if line.unit_amount is None else plain(line.unit_amount),
                "amount": plain(line.amount),
            }
            for line in rated.lines
        ],
        facts=[
            ("Highest level", f"{plain(usage.peak)} chips"),
            ("Covered by credits", f"{plain(round(usage.credited_chip_seconds, 3))} chip-seconds"),
            ("Reserved for the peak", _money(rated.reserved_peak_amount, tenant)),
            ("Reserved hour by hour", _money(rated.reserved_hourly_amount, tenant)),
        ],
    )


def _terms(form: ContractForm, period: Period) -> ContractTerms:
    names = (*QUANTITIES, *PRICES, *MILLISECONDS)
    contract = ContractTerms(
        chip=form.cleaned_data["chip"],
        start=period.start,
        end=None,
        burst_tiers=form.instance.burst_tiers,
        **{name: form.cleaned_data[name] for name in names},
    )
    prices(contract)
    return contract


def _money(amount: Decimal, tenant: Tenant) -> str:
    return f"{round_money(amount, tenant.currency):,f} {tenant.currency}"


def _whole(values: Any, name: str) -> int:
    text = values.get(name, "") or "0"
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise ChargeError(name.replace("_", " "), "must be a whole number")
    return int(text)
