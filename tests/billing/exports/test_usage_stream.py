"""The streamed file of usage has what the read of usage has, group by group."""

import random
from collections.abc import Callable
from typing import Any

from billing import queries
from billing.rating.money import plain
from metering.ingest import Report
from metering.models import Tenant
from metering.usage.period import month_period
from tests.conftest import Events

Read = Callable[..., list[dict[str, str]]]
Send = Callable[[Tenant, list[dict[str, Any]]], Report]
COUNTS = ("requests", "input_tokens", "output_tokens", "tasks", "succeeded_tasks", "tool_calls")
GROUP = ("day", "agent", "provider", "model")
PRICES = """
prices:
  - {provider: p, model: a, valid_from: 2026-01-01, currency: USD, per: 1000, input: "1", cache_read: "0.1", output: "4"}
  - {provider: p, model: a, valid_from: 2026-10-03, currency: USD, per: 1000, input: "2", cache_read: "0.1", output: "4"}
  - {provider: p, model: a, above_prompt_tokens: 50, valid_from: 2026-01-01, currency: USD, per: 1000, input: "3", cache_read: "0.1", output: "4"}
  - {chip: p800, valid_from: 2026-01-01, currency: USD, per_second: "0.001"}
  - {tool: search, valid_from: 2026-01-01, currency: USD, per_unit: "0.25"}
"""  # noqa: E501 - a price a line


def some(event: Events, chance: random.Random) -> dict[str, Any]:
    time = f"2026-10-0{chance.randint(1, 5)}T{chance.randint(10, 23)}:00:00Z"
    agent, task = chance.choice(["ada", "böb", "＝x", "z\U0001f600", "z\uffee"]), "t1"
    match chance.randint(0, 3):
        case 0:
            return event.task(time, f"t{chance.randint(1, 9)}", agent=agent)
        case 1:
            return event.chip(time, time.replace(":00:00Z", ":00:07Z"), agent=agent)
        case 2:
            return event("agent.tool", time, agent, tool="search", units="1.5", task=task)
    tokens = {
        "input_tokens": chance.randint(1, 99),
        "cache_read_tokens": 7,
        "output_tokens": 3,
    }
    model = chance.choice(["a", "unpriced"])
    return event.tokens(
        time, model, agent=agent, provider="p", attempt=chance.randint(1, 2), **tokens
    )


def test_the_file_has_what_the_read_has(
    acme: Tenant, apply: Callable[..., str], event: Events, send: Send, read: Read
) -> None:
    """Random work of agents whose names sort otherwise by UTF-16, with a price by prompt length."""
    apply(PRICES)
    chance = random.Random(7)
    events = [some(event, chance) for _ in range(300)]
    assert not send(acme, events).rejected
    send(acme, events[:50])
    found = read("usage", acme)
    expected = queries.usage(acme, month_period("2026-10", "UTC"), GROUP)
    assert len(found) == len(expected) > 40
    for row, costed in zip(found, expected, strict=True):
        assert [row[name].replace("'", "") for name in GROUP] == list(costed.usage.group.values())
        assert row["cost"] == ("" if costed.cost is None else plain(costed.cost))
        for name in COUNTS:
            assert row[name] == str(getattr(costed.usage, name))
        assert row["chip_seconds"] == plain(costed.usage.chip_seconds)
