"""Token sums of any set of model calls, and the shares that follow from them.

Definitions: README, "The three numbers". All counts are tokens; the four classes input (uncached),
cache_read, cache_write and output are disjoint.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from decimal import Decimal
from operator import add, attrgetter


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSums:
    """What a set of calls used, and how much of it was wasted. Adding two gives their union."""

    requests: int = 0
    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_long_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    reusable_tokens: int = 0
    repeated_tokens: int = 0
    failed_tokens: int = 0
    retried_tokens: int = 0

    @property
    def prompt_tokens(self) -> int:
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.output_tokens

    @property
    def effective_tokens(self) -> int:
        """Tokens that helped to finish a task and were computed for the first time."""
        return self.total_tokens - self.repeated_tokens - self.failed_tokens - self.retried_tokens

    @property
    def hit_rate(self) -> Decimal | None:
        return share(self.cache_read_tokens, self.prompt_tokens)

    @property
    def repeated_share(self) -> Decimal | None:
        return share(self.repeated_tokens, self.prompt_tokens)

    @property
    def efficiency(self) -> Decimal | None:
        return share(self.effective_tokens, self.total_tokens)

    def __add__(self, other: "TokenSums") -> "TokenSums":
        # Read all at once: pages add up a cell for each day and agent.
        return TokenSums(**dict(zip(_NAMES, map(add, _VALUES(self), _VALUES(other)), strict=True)))


_NAMES = tuple(field.name for field in fields(TokenSums))
_VALUES = attrgetter(*_NAMES)


def share(part: int, whole: int) -> Decimal | None:
    """`part / whole` to 28 significant digits, or None of an empty whole."""
    return Decimal(part) / whole if whole else None


def total(sums: Iterable[TokenSums]) -> TokenSums:
    """The union of disjoint sets of calls."""
    return sum(sums, start=TokenSums())
