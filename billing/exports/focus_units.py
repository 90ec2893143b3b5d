"""Units as FOCUS writes them: capitalised plurals, after a whole number where there is one."""

import re

_CURRENCY = re.compile("[A-Z]{3}")
_SEVERAL = re.compile(r"(?:Packages of )?(\d+) (.+)")
_OWN = {"ms": "Milliseconds", "look-up": "Lookups", "": "Units"}


def focus_unit(unit: str) -> str:
    """`token` is `Tokens`, `chip-second` is `Chip-Seconds`, `1000 tokens` is `1000 Tokens`."""
    if unit in _OWN or _CURRENCY.fullmatch(unit):
        return _OWN.get(unit, unit)
    if several := _SEVERAL.fullmatch(unit):
        return f"{several[1]} {focus_unit(several[2].removesuffix('s'))}"
    words = re.sub("[^ -]+", lambda word: word[0][:1].upper() + word[0][1:], unit)
    return words if words.endswith("s") else f"{words}s"
