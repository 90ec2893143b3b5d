"""The list prices of a catalogue, as the cost book asks for them."""

from billing.catalogue.document import Document, Rate, Version
from billing.catalogue.names import Names
from billing.costs import PLAIN_TIERS, TokenRate
from metering.usage.calls import PricedCalls


class CataloguePrices:
    """The prices of one document, found by the names that clients report."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._names = Names(document)
        self.thresholds = tuple(
            sorted(
                {
                    rate.above_prompt_tokens
                    for _, model in document.models()
                    for version in model.versions
                    for rate in version.rates
                }
                - {0}
            )
        )

        self.change_days = frozenset(
            version.valid_from for _, model in document.models() for version in model.versions
        )

    def rate(self, calls: PricedCalls) -> TokenRate | None:
        """The price of these calls on their day, or None."""
        model = self._names.find(calls.provider, calls.model)
        version = model.on(calls.day) if model else None
        rate = None if version is None else _rate(version, calls)
        if version is None or rate is None:
            return None
        return TokenRate(
            provider=calls.provider,
            model=calls.model,
            modality=calls.modality,
            service_tier=rate.service_tier,
            above_prompt_tokens=rate.above_prompt_tokens,
            valid_from=version.valid_from,
            currency=self._document.currency,
            per=self._document.per,
            input=rate.input,
            cache_read=rate.cache_read,
            cache_write=rate.cache_write,
            cache_write_long=rate.cache_write_long,
            output=rate.output,
        )


def _rate(version: Version, calls: PricedCalls) -> Rate | None:
    """Of its own tier, and of its own modality where that has a price apart from text."""
    tier = "" if calls.service_tier in PLAIN_TIERS else calls.service_tier
    reached = [
        rate
        for rate in version.rates
        if rate.service_tier == tier and rate.above_prompt_tokens <= calls.prompt_over
    ]
    for modality in (calls.modality, "text"):
        found = [rate for rate in reached if rate.modality == modality]
        if found:
            return max(found, key=lambda rate: rate.above_prompt_tokens)
    return None
