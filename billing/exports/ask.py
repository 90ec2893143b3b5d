"""What is asked of an export: which file, of which month, in which form."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from metering.usage.period import month_period

FOCUS_VERSIONS = ("1.2", "1.3")
JOURNAL_FORMATS = ("generic", "xero", "quickbooks", "netsuite")


class ExportError(ValueError):
    """An export that cannot be had; the field at fault, and what to do in a sentence."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field, self.problem = field, problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A kind and a month, and what only some kinds can be told. `part` 0 is the whole."""

    kind: str
    month: str
    focus_version: str = FOCUS_VERSIONS[0]
    format: str = JOURNAL_FORMATS[0]
    part: int = 0

    @property
    def options(self) -> dict[str, str]:
        """What was asked beside kind and month, as it was written."""
        return {
            field.name: str(getattr(self, field.name))
            for field in fields(self)
            if field.name in OPTIONS and getattr(self, field.name) != field.default
        }

    def file_name(self, slug: str) -> str:
        words = [slug, self.kind, *self.options.values(), self.month]
        return f"{'-'.join(words)}.csv"


# Which kind an option belongs to, and the words that it may be; any number where there are none.
OPTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "focus_version": ("focus", FOCUS_VERSIONS),
    "format": ("journal", JOURNAL_FORMATS),
    "part": ("journal", ()),
}


def read_ask(kind: str, month: str, options: Mapping[str, str]) -> Ask:
    """The ask, from words. Raises ExportError."""
    try:
        month_period(month, "UTC")
    except ValueError as error:
        raise ExportError("period", str(error)) from error
    found: dict[str, str] = {}
    for name, value in options.items():
        owner, allowed = OPTIONS[name]
        if kind != owner:
            raise ExportError(name, f"belongs to the export {owner}, not to {kind}")
        if allowed and value not in allowed:
            raise ExportError(name, f"{value!r} is not one of {', '.join(allowed)}")
        found[name] = value
    part = _part(found.pop("part", "0"))
    return Ask(kind=kind, month=month, part=part, **found)


def _part(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 6):
        raise ExportError("part", f"{text!r} is not the number of a part, such as 1")
    return int(text)
