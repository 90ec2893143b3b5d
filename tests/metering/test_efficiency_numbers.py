"""Reusable, repeated, failed and retried tokens against an oracle, from rollups and from events."""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django import Settings

from metering import queries
from metering.ingest import Report
from metering.models import Tenant
from metering.usage.calls import FAILED, RETRIED, PricedCalls
from metering.usage.efficiency import TokenSums
from metering.usage.meter import parse_meter
from metering.usage.period import Period
from tests.conftest import Events
from tests.metering import oracle

START = datetime(2026, 10, 10, tzinfo=UTC)
PERIOD = Period(START + timedelta(hours=6), START + timedelta(hours=40))
DAY = timedelta(hours=24)

Send = Callable[[Tenant, list[dict[str, Any]]], Report]
Roll = Callable[[Tenant], int]


def random_fleet(event: Events, seed: int) -> list[dict[str, Any]]:
    """Two days of calls that share prefixes, many of them at the same instants."""
    chance = random.Random(seed)
    events = []
    instants = [START + timedelta(minutes=chance.randrange(48 * 60)) for _ in range(60)]
    for n in range(260):
        at = chance.choice(instants)
        blocks = [chance.choice("ab"), *chance.choices("abcdef", k=chance.randrange(6))]
        prompt = chance.randrange(200)
        events.append(
            event.tokens(
                at,
                model=chance.choice(["m", "n"]),
                agent=f"agent-{chance.randrange(4)}",
                id=f"{n}-{chance.randrange(10**6)}",
                source=chance.choice(["s", "S", "é", "t"]),
                task=f"t{n // 4}" if n % 5 else "",
                input_tokens=prompt,
                cache_read_tokens=chance.choice([0, 0, 16, 60]),
                cache_write_tokens=chance.choice([0, 8]),
                output_tokens=chance.randrange(50),
                attempt=chance.choice([1, 1, 1, 2]),
                prefix_blocks=blocks[: chance.randrange(len(blocks) + 1)],
                block_tokens=32,
            )
        )
    for n in range(65):
        for at in chance.choices(instants, k=chance.choice([0, 1, 1, 2])):
            status = chance.choice(["succeeded", "succeeded", "failed", "cancelled"])
            events.append(event.task(at, f"t{n}", status, id=f"t{n}-{chance.randrange(10**6)}"))
    chance.shuffle(events)
    return events


def sums_of(calls: Sequence[PricedCalls]) -> TokenSums:
    total = TokenSums()
    for call in calls:
        wasted = call.total_tokens - call.repeated_tokens
        total += TokenSums(
            requests=call.requests,
            input_tokens=call.input_tokens,
            cache_read_tokens=call.cache_read_tokens,
            cache_write_tokens=call.cache_write_tokens,
            cache_write_long_tokens=call.cache_write_long_tokens,
            output_tokens=call.output_tokens,
            reasoning_tokens=call.reasoning_tokens,
            reusable_tokens=call.reusable_tokens,
            repeated_tokens=call.repeated_tokens,
            failed_tokens=wasted if call.outcome == FAILED else 0,
            retried_tokens=wasted if call.outcome == RETRIED else 0,
        )
    return total


def measured(
    tenant: Tenant, name: str, period: Period = PERIOD, received_before: datetime | None = None
) -> dict[str, TokenSums]:
    found: dict[str, list[PricedCalls]] = {}
    for group, calls in queries.priced_calls(
        tenant, period, (name,), received_before=received_before
    ):
        found.setdefault(group[name], []).append(calls)
    return {group: sums_of(calls) for group, calls in found.items()}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_rollups_and_events_agree_with_the_oracle(
    seed: int, tenant: Tenant, event: Events, send: Send, roll: Roll
) -> None:
    """Sent in random order, in four parts, with rollups between them."""
    events = random_fleet(event, seed)
    for start in range(0, len(events), len(events) // 4 + 1):
        send(tenant, events[start : start + len(events) // 4 + 1])
        roll(tenant)
    expected = oracle.sums(events, PERIOD, lambda call: str(call["data"]["model"]), DAY)
    assert expected["m"].repeated_tokens > 0 < expected["m"].failed_tokens
    assert expected["m"].retried_tokens > 0 < expected["n"].reusable_tokens
    assert measured(tenant, "model") == expected
    assert measured(tenant, "model", received_before=queries.store_now(tenant)) == expected

    by_agent = oracle.sums(events, PERIOD, lambda call: str(call["subject"]), DAY)
    assert measured(tenant, "agent") == by_agent

    meter = parse_meter({"metric": "effective_tokens", "group_by": ["model"]})
    assert {
        dict(found.group)["model"]: found.quantity
        for found in queries.meter_quantities(tenant, meter, PERIOD)
    } == {model: sums.effective_tokens for model, sums in expected.items()}


def test_a_watermark_hides_what_came_after_it(
    tenant: Tenant, event: Events, send: Send, roll: Roll
) -> None:
    events = random_fleet(event, 4)
    send(tenant, events[:150])
    watermark = queries.store_now(tenant)
    send(tenant, events[150:])
    roll(tenant)
    expected = oracle.sums(events[:150], PERIOD, lambda call: str(call["data"]["model"]), DAY)
    assert measured(tenant, "model", received_before=watermark) == expected
    assert measured(tenant, "model") != expected


def call(event: Events, at: datetime, blocks: list[Any], **data: Any) -> dict[str, Any]:
    return event.tokens(at, prefix_blocks=blocks, block_tokens=10, **({"input_tokens": 100} | data))


MIDNIGHT = START + timedelta(days=1)
US = timedelta(microseconds=1)
EXAMPLES: dict[str, tuple[list[tuple[datetime, list[Any], dict[str, Any]]], int]] = {
    "nothing came before": ([(MIDNIGHT, ["a"], {})], 0),
    "two of three blocks, 20 tokens": (
        [(START, ["a", "b"], {}), (MIDNIGHT, ["a", "b", "c"], {})],
        20,
    ),
    "exactly the reuse window": ([(MIDNIGHT - DAY, ["a"], {}), (MIDNIGHT, ["a"], {})], 10),
    "past the reuse window": ([(MIDNIGHT - DAY - US, ["a"], {}), (MIDNIGHT, ["a"], {})], 0),
    "the first block is unknown": ([(START, ["b"], {}), (MIDNIGHT, ["a", "b"], {})], 0),
    "blocks of two earlier calls": (
        [(START, ["a"], {}), (START, ["b"], {}), (MIDNIGHT, ["a", "b"], {})],
        20,
    ),
    "at most the prompt": ([(START, ["a"], {}), (MIDNIGHT, ["a"], {"input_tokens": 7})], 7),
    "another model": ([(START, ["a"], {"model": "n"}), (MIDNIGHT, ["a"], {})], 0),
    "a block repeated inside a prompt": (
        [(START, ["a"], {}), (MIDNIGHT, ["a", "a", "b"], {})],
        20,
    ),
    "a prompt is not its own predecessor": ([(MIDNIGHT, ["a", "a", "a"], {})], 0),
    "numbers and their text are one name": ([(START, [7], {}), (MIDNIGHT, ["7"], {})], 10),
    "the same instant, by source and id": (
        [(MIDNIGHT, ["a"], {"id": "0"}), (MIDNIGHT, ["a"], {"id": "00"})],
        10,
    ),
    "a later call counts for nothing": ([(MIDNIGHT, ["a"], {}), (MIDNIGHT + US, ["b"], {})], 0),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_reusable_tokens_of_the_calls_after_midnight(
    name: str, tenant: Tenant, event: Events, send: Send, roll: Roll
) -> None:
    """The last to happen is sent first, so what is reusable is found out by late arrivals."""
    calls, reusable = EXAMPLES[name]
    for at, blocks, data in reversed(calls):
        send(tenant, [call(event, at, blocks, **data)])
        roll(tenant)
    period = Period(MIDNIGHT, MIDNIGHT + DAY)
    for sums in (
        measured(tenant, "modality", period),
        measured(tenant, "modality", period, queries.store_now(tenant)),
    ):
        assert (sums["text"].reusable_tokens, sums["text"].repeated_tokens) == (reusable, reusable)


def test_what_was_read_from_a_cache_is_not_repeated(
    tenant: Tenant, event: Events, send: Send, roll: Roll
) -> None:
    """reusable 50; 30 of them read: 20 repeated. 60 read: none, and never less than none."""
    blocks = list("abcde")
    send(
        tenant,
        [
            call(event, START, blocks),
            call(event, MIDNIGHT, blocks, input_tokens=70, cache_read_tokens=30, agent="half"),
            call(event, MIDNIGHT, blocks, input_tokens=40, cache_read_tokens=60, agent="all"),
        ],
    )
    roll(tenant)
    sums = measured(tenant, "agent", Period(MIDNIGHT, MIDNIGHT + DAY))
    assert {a: (s.reusable_tokens, s.repeated_tokens) for a, s in sums.items()} == {
        "half": (50, 20),
        "all": (50, 0),
    }


def test_an_outcome_that_changes_later_changes_the_waste(
    tenant: Tenant, event: Events, send: Send, roll: Roll
) -> None:
    """The task's last word may come a month after its calls."""
    send(
        tenant,
        [
            event.tokens("2026-10-11T00:00:00Z", task="t", input_tokens=5),
            event.task("2026-10-11T01:00:00Z", "t", "succeeded"),
        ],
    )
    roll(tenant)
    watermark = queries.store_now(tenant)
    period = Period(MIDNIGHT, MIDNIGHT + DAY)
    assert measured(tenant, "model", period)["m"].failed_tokens == 0
    send(tenant, [event.task("2026-11-11T01:00:00Z", "t", "failed")])
    roll(tenant)
    assert measured(tenant, "model", period)["m"].failed_tokens == 5
    assert measured(tenant, "model", period, watermark)["m"].failed_tokens == 0
    now = queries.store_now(tenant)
    assert measured(tenant, "model", period, now)["m"].failed_tokens == 5


def test_thresholds_tell_the_size_of_prompts(tenant: Tenant, event: Events, send: Send) -> None:
    """Prompts of 10, 11 and 21 over thresholds 10 and 20: exactly 10 is not over it."""
    sizes: list[dict[str, Any]] = [
        {"input_tokens": 10},
        {"input_tokens": 5, "cache_read_tokens": 6},
    ]
    sizes.append({"input_tokens": 1, "cache_write_tokens": 20})
    send(tenant, [event.tokens(MIDNIGHT, **size) for size in sizes])
    found = queries.priced_calls(
        tenant, PERIOD, thresholds=(20, 10), received_before=queries.store_now(tenant)
    )
    prompts = {
        calls.prompt_over: calls.input_tokens + calls.cache_read_tokens + calls.cache_write_tokens
        for _, calls in found
    }
    assert prompts == {0: 10, 10: 11, 20: 21}


def test_sums_do_not_overflow(tenant: Tenant, event: Events, send: Send, roll: Roll) -> None:
    """3,000 prompts of 3 x 2^53 tokens: more than 64 bits hold."""
    most: dict[str, Any] = {"prefix_blocks": ["a", "b"], "block_tokens": 2**53}
    for name in ("input_tokens", "cache_read_tokens", "cache_write_tokens"):
        most[name] = 2**53
    send(tenant, [event.tokens(MIDNIGHT, **most) for _ in range(3000)])
    roll(tenant)
    sums = measured(tenant, "model", Period(MIDNIGHT, MIDNIGHT + DAY))["m"]
    assert sums.prompt_tokens == 9000 * 2**53
    # All but the first could reuse both blocks, and read one of them.
    assert (sums.reusable_tokens, sums.repeated_tokens) == (2 * 2999 * 2**53, 2999 * 2**53)
    [row] = queries.usage(tenant, PERIOD)
    assert (row.input_tokens, row.requests) == (3000 * 2**53, 3000)


def test_another_reuse_window_is_honoured(
    tenant: Tenant, event: Events, send: Send, roll: Roll, settings: Settings
) -> None:
    settings.REUSE_WINDOW_SECONDS = 60
    minute = timedelta(seconds=60)
    first = call(event, MIDNIGHT, ["a"])
    send(tenant, [first, call(event, MIDNIGHT + minute, ["a"], agent="within")])
    send(tenant, [call(event, MIDNIGHT + 2 * minute + US, ["a"], agent="past")])
    roll(tenant)
    sums = measured(tenant, "agent", Period(MIDNIGHT, MIDNIGHT + DAY))
    assert {a: s.reusable_tokens for a, s in sums.items()} == {"ada": 0, "within": 10, "past": 0}


def test_token_sums_add_up(tenant: Tenant, event: Events, send: Send, roll: Roll) -> None:
    events = random_fleet(event, 5)
    send(tenant, events)
    roll(tenant)
    by_model = measured(tenant, "model")
    whole = oracle.sums(events, PERIOD, lambda _: "", DAY)[""]
    assert by_model["m"] + by_model["n"] == whole
