"""When a low cache hit rate is worth an alert, and when it is over."""

from dataclasses import dataclass
from decimal import Decimal

from metering.usage.efficiency import share

# Below 70 % efficiency collapses. An alert that has fired ends at 75 %, so that a rate that wanders
# about the line is one alert and not one every few minutes.
FIRES_BELOW = Decimal("0.70")
CLEARS_AT = Decimal("0.75")


@dataclass(frozen=True, slots=True)
class HitRate:
    """Tokens of the prompts of some calls, and how many of them were read from a cache."""

    requests: int
    prompt_tokens: int
    cache_read_tokens: int

    @property
    def rate(self) -> Decimal | None:
        return share(self.cache_read_tokens, self.prompt_tokens)


def is_firing(measured: HitRate, min_requests: int, *, firing: bool) -> bool:
    """Whether there is an alert now, given whether there was one before.

    It takes `min_requests` calls to begin: a handful says nothing. It ends at CLEARS_AT, or when no
    call is left whose rate could be low. Compared exactly: 70 % is not below 70 %.
    """
    if not measured.prompt_tokens:
        return False
    if firing:
        return _is_below(CLEARS_AT, measured)
    return _is_below(FIRES_BELOW, measured) and measured.requests >= min_requests


def _is_below(line: Decimal, measured: HitRate) -> bool:
    above, below = line.as_integer_ratio()
    return measured.cache_read_tokens * below < measured.prompt_tokens * above
