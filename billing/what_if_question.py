"""What a what-if asks, read from texts: the parameters of an address, the options of a command."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing.rating.errors import ChargeError
from billing.rating.fields import Fields
from billing.what_if import CHANGES

# `baseline` may be given several times: each is a candidate.
FIELDS = tuple(name for name in CHANGES if name != "baseline")
_MOST_BASELINES = 100


@dataclass(frozen=True, slots=True)
class Question:
    """Other fields of the contract, baselines to try, and the step of the search."""

    changes: dict[str, object]
    baselines: list[Decimal]
    step: Decimal | None


def read_question(
    changes: Mapping[str, str], baselines: Sequence[str] = (), step: str | None = None
) -> Question:
    """ChargeError, whose message begins with the field, for what is wrong."""
    texts = Fields.of(changes, "", FIELDS)
    values: dict[str, object] = dict(texts.data)
    if "burst_tiers" in values:
        values["burst_tiers"] = _tiers(changes["burst_tiers"])
    if "burst_price" in values and "burst_tiers" in values:
        raise ChargeError("burst_price", "and burst_tiers are two ways to say the same; write one")
    if len(baselines) > _MOST_BASELINES:
        raise ChargeError("baseline", f"is given more than {_MOST_BASELINES} times")
    return Question(
        changes=values,
        baselines=[Fields({"baseline": text}, "").amount("baseline") for text in baselines],
        step=Fields({"step": step}, "").optional_amount("step"),
    )


def _tiers(text: str) -> object:
    try:
        # A fraction arrives as Decimal, which is refused by name; no float ever arises.
        return json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        raise ChargeError("burst_tiers", "is not a JSON array of tiers") from None
