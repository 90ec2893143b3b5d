"""A call of text and audio: each part at its own price, in one request."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from metering.models import Tenant
from tests.metering.otlp import PROTOBUF, call, encode, export
from tests.metering.test_modalities import SPOKEN

Api = Callable[[Tenant], Client]
Run = Callable[..., str]

TEXT = '{model: m, valid_from: 2026-01-01, currency: USD, per: 1, input: "1", cache_read: "0.1", output: "2"}'  # noqa: E501 - a line of a file
LONG = TEXT.replace('input: "1"', 'above_prompt_tokens: 90, input: "2"')
AUDIO = '{model: m, modality: audio, valid_from: 2026-01-01, currency: USD, per: 1, input: "10", cache_read: "5", output: "20"}'  # noqa: E501

# 20 uncached, 50 read and 5 out are text: 20 + 5 + 10. 20, 10 and 15 are audio: 200 + 50 + 300.
# The prompt of 100 is over 90, though neither part of it is: 40 + 5 + 10 of text.
CASES: dict[str, tuple[list[str], str | None]] = {
    "each its own": ([TEXT, AUDIO], "585"),
    "by the whole prompt": ([TEXT, LONG, AUDIO], "605"),
    "no price for audio": ([TEXT], None),
}


@pytest.mark.parametrize("name", CASES)
def test_each_modality_has_its_own_price(
    name: str, tenant: Tenant, api: Api, apply: Run, roll: Callable[[Tenant], int]
) -> None:
    prices, expected = CASES[name]
    apply("prices: [" + ", ".join(prices) + "]")
    client = api(tenant)
    client.post("/v1/traces", encode(export([call(attributes=SPOKEN)])), PROTOBUF)
    roll(tenant)
    answer: dict[str, Any] = client.get("/api/v1/usage?from=2026-10-01&to=2026-11-01").json()
    [row] = answer["rows"]
    assert (row["requests"], row["cost"]) == (1, expected)
    assert bool(row["unpriced"]) == (expected is None)
