"""The registry of charge models: a new one is a file here, a line below and a test file."""

from collections.abc import Mapping
from dataclasses import Field
from typing import Any, ClassVar, Protocol, Self

from billing.rating.charge_models.burst import Burst
from billing.rating.charge_models.dynamic import Dynamic
from billing.rating.charge_models.graduated import Graduated
from billing.rating.charge_models.graduated_percentage import GraduatedPercentage
from billing.rating.charge_models.package import Package
from billing.rating.charge_models.per_unit import PerUnit
from billing.rating.charge_models.percentage import Percentage
from billing.rating.charge_models.volume import Volume
from billing.rating.fields import Fields
from billing.rating.line import RatedLine
from billing.rating.units import Units


class ChargeModel(Protocol):
    """A frozen dataclass whose fields are the fields that the charge may have."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @classmethod
    def parse(cls, fields: Fields) -> Self: ...

    def lines(self, units: Units) -> list[RatedLine]: ...


CHARGE_MODELS: Mapping[str, type[ChargeModel]] = {
    "per_unit": PerUnit,
    "package": Package,
    "graduated": Graduated,
    "volume": Volume,
    "percentage": Percentage,
    "graduated_percentage": GraduatedPercentage,
    "dynamic": Dynamic,
    "burst": Burst,
}
