"""The file that `apply` reads: its exact shape, and errors that name the path of what is wrong."""

import json
import re
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import yaml
from msgspec import UNSET, Meta, Struct, UnsetType

# As written: a string or a whole number. A float has lost digits before anyone could look.
Amount = str | int
Code = Annotated[str, Meta(pattern=r"^[-a-zA-Z0-9_]{1,63}$")]
Name = Annotated[str, Meta(min_length=1, max_length=512)]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$")]
T = TypeVar("T")
# Where every time zone has a midnight.
FIRST_DATE, LAST_DATE = date(1970, 1, 1), date(2999, 12, 31)
_DATED = ("plans", "subscriptions", "tenant_charges", "coupons", "prices", "contracts")
Count = Annotated[int, Meta(ge=0, le=2**53)]


class ConfigurationError(ValueError):
    """A file that cannot be applied; the message names the path of what is wrong."""


class _Strict(Struct, forbid_unknown_fields=True, kw_only=True):
    pass


class TenantEntry(_Strict):
    """A tenant. What is left out stays as it is, or gets its default when the tenant is new."""

    slug: Code
    name: Annotated[str, Meta(min_length=1, max_length=200)] | UnsetType = UNSET
    timezone: str | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    plan: Code | UnsetType = UNSET
    tax_percent: Amount | UnsetType = UNSET
    billing_name: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET
    billing_address: Annotated[str, Meta(max_length=1000)] | UnsetType = UNSET
    billing_email: str | UnsetType = UNSET
    tax_id: Annotated[str, Meta(max_length=60)] | UnsetType = UNSET
    tax_note: Annotated[str, Meta(max_length=300)] | UnsetType = UNSET
    payment_days: Annotated[int, Meta(ge=0, le=365)] | UnsetType | None = UNSET


class ChargeEntry(_Strict):
    """A charge; its two parts are read by the modules that own them."""

    code: Code
    charge: dict[str, Any]
    meter: dict[str, Any] | None = None


class FeeEntry(_Strict):
    """What is owed for each month or year on the plan."""

    code: Code
    amount: Amount
    interval: Literal["month", "year"] = "month"
    in_advance: bool = False
    prorate: Literal["day", "second", "none"] = "day"
    description: Annotated[str, Meta(max_length=200)] = ""


class AllowanceEntry(_Strict):
    """Units that are free each month, shared by charges of the plan."""

    code: Code
    charges: Annotated[list[Code], Meta(min_length=1)]
    units: Amount
    prorate: Literal["day", "none"] = "none"


class PlanEntry(_Strict):
    """One version of a plan, in full: its charges in order, and what it has beside."""

    code: Code
    currency: Currency
    valid_from: date
    charges: list[ChargeEntry]
    fees: list[FeeEntry] = []
    minimum_commitment: Amount | None = None
    allowances: list[AllowanceEntry] = []


class SubscriptionEntry(_Strict):
    """A tenant on a plan from a date on, until `ends` or its next subscription."""

    tenant: Code
    plan: Code
    valid_from: date
    ends: date | None = None


class TenantChargeEntry(_Strict):
    """A charge of one tenant, instead of its plan's of that code."""

    tenant: Code
    code: Code
    valid_from: date
    charge: dict[str, Any]
    meter: dict[str, Any] | None = None
    ends: date | None = None


class CouponEntry(_Strict):
    """A percentage or an amount off the invoices of some months."""

    tenant: Code
    code: Code
    valid_from: date
    months: Annotated[int, Meta(ge=1, le=1200)] | Literal["forever"]
    percent: Amount | None = None
    amount: Amount | None = None
    currency: Currency | None = None
    charges: list[Code] = []
    description: Annotated[str, Meta(max_length=200)] = ""


class _Price(_Strict):
    valid_from: date
    currency: Currency


class TokenPriceEntry(_Price):
    """A model in the cost book; `per` has no default, for a wrong guess is a million-fold one."""

    model: Name
    per: Annotated[int, Meta(ge=1, le=2**53)]
    provider: Annotated[str, Meta(max_length=512)] = ""
    modality: Name = "text"
    service_tier: Annotated[str, Meta(max_length=512)] = ""
    above_prompt_tokens: Count = 0
    input: Amount | None = None
    cache_read: Amount | None = None
    cache_write: Amount | None = None
    cache_write_long: Amount | None = None
    output: Amount | None = None


class ChipPriceEntry(_Price):
    """A chip in the cost book."""

    chip: Name
    per_second: Amount


class ToolPriceEntry(_Price):
    """A tool in the cost book."""

    tool: Name
    per_unit: Amount


PriceEntry = TokenPriceEntry | ChipPriceEntry | ToolPriceEntry
PRICE_KINDS: dict[str, type[PriceEntry]] = {
    "model": TokenPriceEntry,
    "chip": ChipPriceEntry,
    "tool": ToolPriceEntry,
}


class ContractEntry(_Strict):
    """A burst contract. Prices must be written, be it as 0."""

    tenant: Code
    chip: Name
    valid_from: date
    baseline: Amount
    baseline_price: Amount
    on_demand_price: Amount
    burst_tiers: list[Any]
    idle_factor: Amount
    cold_start_fee: Amount
    granularity_ms: Annotated[int, Meta(ge=1, le=86_400_000)] = 1
    minimum_ms: Annotated[int, Meta(ge=0, le=86_400_000)] = 0
    credit_accrual: Amount = "0"
    credit_cap: Amount = "0"


class ChipSourceEntry(_Strict):
    """An exporter of chip telemetry that is asked every so many seconds."""

    tenant: Code
    kind: Literal["dcgm", "opencost"]
    url: str
    chip: Annotated[str, Meta(max_length=512)] = ""
    every_seconds: int = 60
    enabled: bool = True


class BudgetEntry(_Strict):
    """What a tenant, an agent or whatever bears a label may spend."""

    tenant: Code
    code: Code
    amount: Amount
    period: Literal["month", "day"] = "month"
    agent: Annotated[str, Meta(max_length=512)] = ""
    label: Annotated[str, Meta(max_length=700, pattern=r"^([^=]{1,200}=.{1,499})?$")] = ""
    hard: bool = False
    enabled: bool = True


class AlertChannelEntry(_Strict):
    """Where a tenant's alerts are sent to."""

    tenant: Code
    kind: Literal["email", "webhook"]
    address: Annotated[str, Meta(min_length=1, max_length=1000)]
    enabled: bool = True


class _Sections(_Strict):
    tenants: list[TenantEntry] = []
    plans: list[PlanEntry] = []
    subscriptions: list[SubscriptionEntry] = []
    tenant_charges: list[TenantChargeEntry] = []
    coupons: list[CouponEntry] = []
    prices: list[dict[str, Any]] = []
    contracts: list[ContractEntry] = []
    chip_sources: list[ChipSourceEntry] = []
    budgets: list[BudgetEntry] = []
    alert_channels: list[AlertChannelEntry] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A whole file."""

    tenants: list[TenantEntry]
    plans: list[PlanEntry]
    subscriptions: list[SubscriptionEntry]
    tenant_charges: list[TenantChargeEntry]
    coupons: list[CouponEntry]
    prices: list[PriceEntry]
    contracts: list[ContractEntry]
    chip_sources: list[ChipSourceEntry]
    budgets: list[BudgetEntry]
    alert_channels: list[AlertChannelEntry]


def read_document(path: Path) -> Document:
    """A file as a document: JSON when it is named .json, else YAML. Raises ConfigurationError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigurationError(f"{path} cannot be read: {reason}") from error
    return parse_document(text, is_json=path.suffix.lower() == ".json")


def parse_document(text: str, *, is_json: bool) -> Document:
    """Text as a document. Raises ConfigurationError."""
    try:
        data = json.loads(text, object_pairs_hook=_once) if is_json else _yaml(text)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        kind = "JSON" if is_json else "YAML"
        raise ConfigurationError(f"the file is not valid {kind}: {_flat(error)}") from error
    sections = _converted({} if data is None else data, _Sections)
    document = Document(
        tenants=sections.tenants,
        plans=sections.plans,
        subscriptions=sections.subscriptions,
        tenant_charges=sections.tenant_charges,
        coupons=sections.coupons,
        prices=[_price(entry, f"prices[{n}]") for n, entry in enumerate(sections.prices)],
        contracts=sections.contracts,
        chip_sources=sections.chip_sources,
        budgets=sections.budgets,
        alert_channels=sections.alert_channels,
    )
    for section in _DATED:
        for n, entry in enumerate(getattr(document, section)):
            _check_dates(entry, f"{section}[{n}]")
    return document


def _check_dates(entry: object, path: str) -> None:
    for name in ("valid_from", "ends"):
        day = getattr(entry, name, None)
        if day is not None and not FIRST_DATE <= day <= LAST_DATE:
            problem = f"must be from {FIRST_DATE} to {LAST_DATE}, not {day}"
            raise ConfigurationError(f"{path}.{name}: {problem}")


def _price(entry: dict[str, Any], path: str) -> PriceEntry:
    kinds = [kind for key, kind in PRICE_KINDS.items() if key in entry]
    if len(kinds) != 1:
        raise ConfigurationError(f"{path}: must name exactly one of {', '.join(PRICE_KINDS)}")
    return _converted(entry, kinds[0], path)


def _converted(data: object, kind: type[T], path: str = "") -> T:
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise ConfigurationError(_readable(str(error), path)) from error


class _Loader(yaml.SafeLoader):
    """YAML in which a key that is written twice is an error and not the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key!r} is written twice", node.start_mark
                )
        return super().construct_mapping(node, deep)


def _yaml(text: str) -> object:
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader, only stricter


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"{key!r} is written twice")
        result[key] = value
    return result


_MESSAGE = re.compile(r"(?P<problem>.*?)(?: - at `\$\.?(?P<path>.*)`)?", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>.*)`")
_MISSING = re.compile(r"Object missing required field `(?P<key>.*)`")


def _readable(message: str, within: str) -> str:
    """`path: problem`, as rating and metering word theirs."""
    found = _MESSAGE.fullmatch(message)
    problem, path = (found["problem"], found["path"] or "") if found else (message, "")
    path = ".".join(filter(None, (within, path)))
    for pattern, words in ((_UNKNOWN, "is not a known key here"), (_MISSING, "is missing")):
        if key := pattern.fullmatch(problem):
            return f"{path}.{key['key']}".lstrip(".") + f": {words}"
    if "got `float`" in problem:
        problem = 'is a number with a fraction; write amounts in quotes, such as "0.25"'
    return f"{path or 'the file'}: {problem}"


def _flat(error: Exception) -> str:
    return " ".join(str(error).split())
