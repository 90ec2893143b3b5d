"""Which prompts were computed again the most, told by the first block of their prefix."""

from dataclasses import dataclass

from metering.clickhouse.calls_query import PricedCallsQuery
from metering.clickhouse.connection import select
from metering.clickhouse.scope import Bound
from metering.usage.calls import PricedCalls

PROMPT_GROUP = ("prompt", "agent", "model")
_WORST = """
    SELECT prompt, sum(toUInt128(if(reusable_tokens > cache_read_tokens,
        reusable_tokens - cache_read_tokens, 0))) AS repeated
    FROM ({calls}) WHERE prompt != ''
    GROUP BY prompt HAVING repeated > 0 ORDER BY repeated DESC, prompt LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstPromptsQuery:
    """Over a SELECT of rolled-up calls, as `PricedCallsQuery`."""

    calls: str
    wasted: str
    bound: Bound
    limit: int
    thresholds: tuple[int, ...] = ()

    def prompts(self) -> list[str]:
        """The first blocks under which most tokens were computed again, the most first."""
        rows = select(_WORST.format(calls=self.calls), self.bound | {"limit": self.limit})
        return [row[0] for row in rows]

    def rows(self) -> list[tuple[dict[str, str], PricedCalls]]:
        """Their calls by PROMPT_GROUP and all that a price depends on."""
        prompts = self.prompts()
        if not prompts:
            return []
        return PricedCallsQuery(
            calls=f"SELECT * FROM ({self.calls}) WHERE prompt IN %(prompts)s",
            wasted=self.wasted,
            bound=self.bound | {"prompts": prompts},
            group_by=PROMPT_GROUP,
            thresholds=self.thresholds,
        ).rows()
