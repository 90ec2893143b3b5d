"""Model calls summed up as far as they have one price and one outcome."""

from dataclasses import dataclass
from datetime import date

USEFUL, FAILED, RETRIED = "useful", "failed", "retried"


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedCalls:
    """Calls that share everything a price depends on, and whether their work was of use.

    `day` is the tenant's; `prompt_over` the highest of the asked thresholds that every one of these
    prompts exceeds (0: none); `outcome` one of useful, failed (the task ended failed or cancelled)
    and retried (attempt > 1 of another task). The fields that follow are sums of tokens;
    `repeated_tokens` were reusable and yet computed again, `reusable_tokens` could have been read.
    """

    provider: str
    model: str
    modality: str
    service_tier: str
    day: date
    prompt_over: int
    outcome: str
    requests: int
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cache_write_long_tokens: int
    output_tokens: int
    reasoning_tokens: int
    reusable_tokens: int
    repeated_tokens: int

    @property
    def total_tokens(self) -> int:
        return (
            self.input_tokens
            + self.cache_read_tokens
            + self.cache_write_tokens
            + self.output_tokens
        )
