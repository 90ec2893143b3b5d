"""A charge: a model and the adjustments around it, read strictly from its JSON or YAML form."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext

from billing.rating.adjustments import Commitment, Discount, Maximum, Minimum, UnitConversion
from billing.rating.charge_models import CHARGE_MODELS, ChargeModel
from billing.rating.fields import Fields
from billing.rating.money import EXACT, ZERO

_ADJUSTMENTS = (
    "unit_conversion",
    "free_units",
    "commitment",
    "discount_percent",
    "maximum_amount",
    "minimum_amount",
)


@dataclass(frozen=True, slots=True)
class Charge:
    """How a quantity becomes an amount."""

    model: ChargeModel
    unit_conversion: UnitConversion | None = None
    free_units: Decimal = ZERO
    commitment: Commitment | None = None
    discount: Discount | None = None
    maximum: Maximum | None = None
    minimum: Minimum | None = None


def parse_charge(data: object, path: str = "charge") -> Charge:
    """Read a charge; what is wrong raises ChargeError with the path of the field."""
    with localcontext(EXACT):
        return _parse(data, path)


def _parse(data: object, path: str) -> Charge:
    model = _model(data, path)
    fields = Fields.of(data, path, ("model", *model.__dataclass_fields__, *_ADJUSTMENTS))
    return Charge(
        model=model.parse(fields),
        unit_conversion=fields.optional("unit_conversion", UnitConversion.parse),
        free_units=fields.amount_or("free_units", ZERO),
        commitment=fields.optional("commitment", Commitment.parse),
        discount=fields.optional("discount_percent", Discount.parse),
        maximum=fields.optional("maximum_amount", Maximum.parse),
        minimum=fields.optional("minimum_amount", Minimum.parse),
    )


def _model(data: object, path: str) -> type[ChargeModel]:
    known = data if isinstance(data, Mapping) else ()
    name = Fields.of(data, path, known).choice("model", CHARGE_MODELS)
    return CHARGE_MODELS[name]
