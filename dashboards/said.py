"""A sentence about a range, and the door to what is behind it."""

from typing import NamedTuple

from django.utils.safestring import SafeString


class Said(NamedTuple):
    """`door` is what the link to `href` is called; without one the sentence stands alone."""

    sentence: SafeString
    href: str = ""
    door: str = ""
