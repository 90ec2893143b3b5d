"""The lines of an invoice as people read them: by charge, and corrections by what they correct."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from billing.models import Invoice, InvoiceLine
from billing.rating.money import EXACT, ZERO


@dataclass(frozen=True, slots=True)
class Section:
    """The lines of one charge, or of its correction for one earlier invoice."""

    code: str
    kind: str
    corrects: Invoice | None
    lines: list[InvoiceLine]

    @property
    def charge(self) -> str:
        """The code in words."""
        return self.code.replace("-", " ").replace("_", " ").capitalize()

    @property
    def title(self) -> str:
        if self.corrects is None:
            return self.charge
        return f"{self.charge}, correction of {self.corrects.month:%B %Y}"

    @property
    def amount(self) -> Decimal:
        total = ZERO
        for line in self.lines:
            total = EXACT.add(total, line.amount)
        return total

    def words(self, line: InvoiceLine) -> str:
        """What a line says beyond the title of its section."""
        text = line.description
        if self.corrects is not None:
            text = text.removeprefix(f"Correction of {self.corrects.month:%Y-%m}: ")
        return text.removeprefix(f"{self.charge} · ")


def sections(lines: Iterable[InvoiceLine]) -> Iterator[Section]:
    """Lines stand together as the invoice has them: charges first, corrections after."""
    for (corrects, code, kind), found in groupby(lines, key=_belongs_to):
        yield Section(code, kind, corrects, list(found))


def _belongs_to(line: InvoiceLine) -> tuple[Invoice | None, str, str]:
    return line.corrects, line.code, line.kind
