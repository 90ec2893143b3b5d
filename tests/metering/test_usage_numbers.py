"""Usage by every dimension, and meters of every aggregation, against sums made in Python."""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from metering import queries
from metering.clickhouse.usage_query import USAGE_DIMENSIONS
from metering.ingest import Report
from metering.models import Tenant
from metering.usage.meter import parse_meter
from metering.usage.period import Period, month_period
from tests.conftest import Events
from tests.metering import oracle
from tests.metering.oracle import Event

Send = Callable[[Tenant, list[Event]], Report]

ZONE = "Asia/Kolkata"
PERIOD = Period(datetime(2026, 10, 10, tzinfo=UTC), datetime(2026, 10, 13, tzinfo=UTC))
OCTOBER = month_period("2026-10", "UTC")


def random_fleet(event: Events, seed: int) -> list[Event]:
    """Every type of event, from a day before the period to a day after it."""
    chance = random.Random(seed)
    events = []
    for n in range(240):
        at = PERIOD.start + timedelta(minutes=chance.randrange(-24 * 60, 96 * 60))
        kind = chance.choice(["task", "task", "tokens", "tokens", "chip", "tool", "cache", "pages"])
        labels = chance.choice([{}, {"env": "prod"}, {"env": "test", "team": "x,y"}])
        agent = f"agent-{chance.randrange(3)}"
        common: Any = {"task": f"t{chance.randrange(40)}", "labels": labels, "agent": agent}
        events.append(_event(event, chance, kind, at, common) | {"id": f"{n}"})
    chance.shuffle(events)
    return events


def _event(event: Events, chance: random.Random, kind: str, at: datetime, common: Any) -> Event:
    match kind:
        case "task":
            status = chance.choice(["succeeded", "failed"])
            return event("agent.task", at, status=status, session=chance.choice("ab"), **common)
        case "tokens":
            return event.tokens(
                at,
                model=chance.choice(["m", "n"]),
                provider=chance.choice(["p", "q"]),
                modality=chance.choice(["text", "image"]),
                service_tier=chance.choice(["standard", "batch"]),
                input_tokens=chance.randrange(2**53),
                cache_read_tokens=chance.randrange(100),
                cache_write_tokens=(write := chance.randrange(100)),
                cache_write_long_tokens=chance.randrange(write + 1),
                output_tokens=(output := chance.randrange(100)),
                reasoning_tokens=chance.randrange(output + 1),
                duration_ms=chance.randrange(9),
                **common,
            )
        case "chip":
            length = timedelta(microseconds=chance.randrange(10**7))
            return event(
                "agent.chip",
                at,
                chip=chance.choice(["p800", "a100"]),
                region=chance.choice(["cn", "eu"]),
                phase=chance.choice(["active", "idle", "cold_start"]),
                count=chance.choice(["0.1", "1", "2.5", "0.000000000000000001"]),
                started_at=at.isoformat(),
                ended_at=(at + length).isoformat(),
                **common,
            )
        case "tool":
            tool = chance.choice(["search", "shell"])
            return event("agent.tool", at, tool=tool, units=chance.choice(["0.3", "7"]), **common)
        case "cache":
            saved = chance.randrange(50)
            return event(
                "agent.cache", at, cache="semantic", hit=True, saved_tokens=saved, **common
            )
    return event("custom.pages", at, value=chance.choice(["0.1", "0.2", "3"]), **common)


def inside(events: list[Event], period: Period = PERIOD) -> list[Event]:
    return [event for event in events if oracle.moment(event["time"]) in period]


def value_of(event: Event, name: str) -> str:
    """The value of a dimension, as events carry it."""
    if name == "day":
        return oracle.local_day(event, ZONE).isoformat()
    if name.startswith("labels."):
        return str(event["data"]["labels"].get(name.removeprefix("labels."), ""))
    if name == "agent":
        return str(event["subject"])
    return str(event[name] if name in {"type", "source"} else event["data"].get(name, ""))


def group_of(event: Event, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(value_of(event, name) for name in names)


TOKENS = ("input", "cache_read", "cache_write", "output", "reasoning")


def expected_usage(events: list[Event], names: tuple[str, ...]) -> dict[tuple[str, ...], list[Any]]:
    """By group: requests, five classes of tokens, tool calls, chip-seconds, tasks and succeeded."""
    rows: dict[tuple[str, ...], list[Any]] = defaultdict(lambda: [0] * 7 + [Decimal(0), 0, 0])
    for event in inside(events):
        row = rows[group_of(event, names)]
        if event["type"] == "agent.tokens":
            row[0] += 1
            for n, name in enumerate(TOKENS, 1):
                row[n] += oracle.tokens(event, name)
        row[6] += event["type"] == "agent.tool"
        if event["type"] == "agent.chip":
            row[7] += oracle.chip_seconds(event)
    for last in inside(list(oracle.outcomes(events).values())):
        of_task = {"day", "agent", "task", "type"}
        row = rows[
            tuple(
                value_of(last, name) if name in of_task or name.startswith("labels.") else ""
                for name in names
            )
        ]
        row[8] += 1
        row[9] += last["data"]["status"] == "succeeded"
    return dict(rows)


def usage_rows(tenant: Tenant, names: tuple[str, ...]) -> dict[tuple[str, ...], list[Any]]:
    return {
        tuple(row.group.values()): [
            row.requests,
            row.input_tokens,
            row.cache_read_tokens,
            row.cache_write_tokens,
            row.output_tokens,
            row.reasoning_tokens,
            row.tool_calls,
            row.chip_seconds,
            row.tasks,
            row.succeeded_tasks,
        ]
        for row in queries.usage(tenant, PERIOD, names)
    }


def test_usage_by_every_dimension(
    make_tenant: Callable[..., Tenant], event: Events, send: Send
) -> None:
    tenant = make_tenant(timezone=ZONE)
    events = random_fleet(event, 1)
    send(tenant, events)
    for names in [
        (),
        *((name,) for name in USAGE_DIMENSIONS),
        ("labels.env",),
        ("labels.team", "labels.nothing"),
        ("model", "day", "agent"),
        ("agent", "labels.env", "day", "type"),
    ]:
        assert usage_rows(tenant, names) == expected_usage(events, names), names


def test_usage_of_nothing_is_one_row_of_zeros(tenant: Tenant) -> None:
    assert list(usage_rows(tenant, ()).values()) == [[0] * 10]
    assert usage_rows(tenant, ("model",)) == {}


def sum_of(values: list[Any]) -> Decimal:
    return sum(values, start=Decimal(0))


def field(name: str) -> Callable[[Event], Decimal]:
    return lambda event: Decimal(str(event["data"].get(name, 0)))


def prompt(event: Event) -> Decimal:
    return sum_of([oracle.tokens(event, name) for name in TOKENS[:3]])


METERS: dict[str, tuple[dict[str, Any], Callable[[Event], Any], Callable[[list[Any]], Any]]] = {
    "sum of tokens": (
        {"type": "agent.tokens", "value": "input_tokens", "group_by": ["model"]},
        field("input_tokens"),
        sum_of,
    ),
    "sum of prompts of a model and a label": (
        {
            "type": "agent.tokens",
            "value": "prompt_tokens",
            "filters": {"model": ["m", "x"], "labels.env": ["prod", ""]},
            "group_by": ["labels.env", "provider"],
        },
        prompt,
        sum_of,
    ),
    "count of tools": (
        {"type": "agent.tool", "aggregation": "count", "group_by": ["tool", "status"]},
        lambda _: 1,
        len,
    ),
    "unique tasks by agent": (
        {
            "type": "agent.task",
            "aggregation": "unique",
            "value": "task",
            "group_by": ["agent"],
        },
        lambda event: event["data"]["task"],
        lambda values: len(set(values)),
    ),
    "unique labels": (
        {"type": "agent.tokens", "aggregation": "unique", "value": "labels.env"},
        lambda event: event["data"]["labels"].get("env", ""),
        lambda values: len(set(values)),
    ),
    "largest output": (
        {"type": "agent.tokens", "aggregation": "max", "value": "output_tokens"},
        field("output_tokens"),
        max,
    ),
    "latest value": (
        {"type": "custom.pages", "aggregation": "latest", "value": "value", "group_by": ["agent"]},
        field("value"),
        lambda values: values[-1],
    ),
    "chip-seconds of what was not idle": (
        {
            "type": "agent.chip",
            "value": "chip_seconds",
            "filters": {"phase": ["active", "cold_start"]},
            "group_by": ["chip", "region"],
        },
        oracle.chip_seconds,
        sum_of,
    ),
    "longest use of chips": (
        {"type": "agent.chip", "aggregation": "max", "value": "chip_seconds"},
        oracle.chip_seconds,
        max,
    ),
    "units of tools": (
        {"type": "agent.tool", "value": "units", "filters": {"agent": ["agent-1"]}},
        field("units"),
        sum_of,
    ),
    "saved tokens": (
        {"type": "agent.cache", "value": "saved_tokens", "group_by": ["cache", "source"]},
        field("saved_tokens"),
        sum_of,
    ),
    "nothing passes an empty filter": (
        {"type": "agent.tool", "aggregation": "count", "filters": {"tool": []}},
        lambda _: 1,
        len,
    ),
}


@pytest.fixture
def fleet(
    make_tenant: Callable[..., Tenant], event: Events, send: Send
) -> tuple[Tenant, list[Event]]:
    tenant = make_tenant(timezone=ZONE)
    events = random_fleet(event, 2)
    send(tenant, events)
    return tenant, events


def test_meters_of_every_aggregation(fleet: tuple[Tenant, list[Event]]) -> None:
    tenant, events = fleet
    for name, (data, value, total) in METERS.items():
        meter = parse_meter(data)
        groups: dict[tuple[str, ...], list[Any]] = defaultdict(list)
        for event in sorted(inside(events), key=oracle.place):
            passes = all(value_of(event, key) in allowed for key, allowed in meter.filters)
            if event["type"] == meter.type and passes:
                event["data"].setdefault("status", "ok")
                groups[group_of(event, meter.group_by)].append(value(event))
        found = queries.meter_quantities(tenant, meter, PERIOD)
        assert {tuple(v for _, v in q.group): q.quantity for q in found} == {
            group: total(values) for group, values in groups.items()
        }, name
        assert [q.events for q in found] == [len(groups[key]) for key in sorted(groups)], name


def test_metrics_by_label_add_up_to_the_whole(fleet: tuple[Tenant, list[Event]]) -> None:
    tenant, events = fleet
    for metric in ("active_agent_days", "delivering_agent_days", "succeeded_tasks"):
        [whole] = queries.meter_quantities(tenant, parse_meter({"metric": metric}), PERIOD)
        parts = queries.meter_quantities(
            tenant, parse_meter({"metric": metric, "group_by": ["labels.env"]}), PERIOD
        )
        assert len(parts) == 3
        assert sum(part.quantity for part in parts) == whole.quantity > 0
    # `succeeded_tasks` is the last of them.
    done = [e for e in oracle.outcomes(events).values() if e["data"]["status"] == "succeeded"]
    assert whole.quantity == len(inside(done))
    by_session = queries.meter_quantities(
        tenant, parse_meter({"metric": "succeeded_tasks", "filters": {"session": ["a"]}}), PERIOD
    )
    expected = [event for event in inside(done) if event["data"]["session"] == "a"]
    assert [q.quantity for q in by_session] == [len(expected)]


def test_chip_seconds_are_exact(tenant: Tenant, event: Events, send: Send) -> None:
    """0.1 + 0.2 chips for a microsecond, and 2^53 chips for ten years: no digit is lost."""
    start, long = "2016-10-05T00:00:00Z", "2026-10-05T00:00:00Z"
    tick = "2026-10-05T00:00:00.000001Z"
    send(
        tenant,
        [
            event.chip(long, tick, count="0.1"),
            event.chip(long, tick, count="0.2"),
            dict(event.chip(start, long, count=2**53), time=long),
        ],
    )
    days = (datetime(2026, 10, 5, tzinfo=UTC) - datetime(2016, 10, 5, tzinfo=UTC)).days
    exact = Decimal(f"{days * 86_400 * 2**53}.0000003")
    [row] = queries.usage(tenant, OCTOBER)
    assert row.chip_seconds == exact
    [use] = queries.daily_use(tenant, OCTOBER, "chip")
    assert (use.name, use.quantity) == ("p800", exact)


def test_intervals_reach_into_a_period_from_outside(
    tenant: Tenant, event: Events, send: Send
) -> None:
    """An interval counts where it lies, wherever its event stands in time."""
    before = event.chip("2026-10-09T23:59:58Z", "2026-10-09T23:59:59Z", count=1)
    across = event.chip("2026-10-09T23:00:00Z", "2026-10-10T00:00:01Z", count=2)
    reported_late = dict(event.chip("2026-10-11T00:00:00Z", "2026-10-11T00:00:01Z", count=3))
    reported_late["time"] = "2026-10-20T00:00:00Z"
    after = event.chip("2026-10-13T00:00:00Z", "2026-10-13T00:00:01Z", count=4)
    other = event.chip("2026-10-11T00:00:00Z", "2026-10-11T00:00:01Z", chip="a100")
    send(tenant, [after, reported_late, across, before, other])

    def counts(stretch: timedelta) -> list[int]:
        intervals = queries.chip_intervals(tenant, "p800", PERIOD, stretch)
        return [interval.units // 10**18 for interval in intervals]

    assert counts(timedelta(0)) == [2, 3]
    assert counts(timedelta(seconds=1)) == [2, 1, 3]
    assert queries.chips(tenant, PERIOD) == ["a100", "p800"]


def test_evidence_is_read_a_page_at_a_time(fleet: tuple[Tenant, list[Event]]) -> None:
    tenant, events = fleet
    meter = parse_meter(
        {"type": "agent.tokens", "value": "input_tokens", "filters": {"model": ["m"]}}
    )
    expected = [
        oracle.place(event)
        for event in oracle.of_type(inside(events), "agent.tokens")
        if event["data"]["model"] == "m" and event["subject"] == "agent-1"
    ]
    found: list[oracle.Place] = []
    while True:
        after = found[-1] if found else None
        page = queries.evidence(
            tenant, meter, PERIOD, group=[("agent", "agent-1")], after=after, limit=3
        )
        found += [(row.time, row.source, row.id) for row in page]
        if len(page) < 3:
            break
    assert found == expected
    assert len(found) > 3


def test_types_are_counted_for_what_is_not_charged(fleet: tuple[Tenant, list[Event]]) -> None:
    tenant, events = fleet
    types = [event["type"] for event in inside(events)]
    assert queries.usage_types(tenant, PERIOD) == sorted((t, types.count(t)) for t in set(types))


def test_every_query_ends_at_its_watermark(tenant: Tenant, event: Events, send: Send) -> None:
    first, second = random_fleet(event, 3), random_fleet(event, 4)
    second = [dict(item, id=f"second-{item['id']}") for item in second]
    send(tenant, first)

    def everything(received_before: datetime | None) -> list[Any]:
        return [
            *(
                queries.meter_quantities(tenant, parse_meter(meter), PERIOD, received_before)
                for meter in (
                    *(data for data, _, _ in METERS.values()),
                    {"metric": "active_agent_days"},
                    {"metric": "delivering_agent_days", "group_by": ["agent"]},
                    {"metric": "succeeded_tasks"},
                    {"metric": "effective_tokens", "group_by": ["model"]},
                )
            ),
            *(
                queries.daily_use(tenant, PERIOD, kind, ("agent",), received_before)
                for kind in ("chip", "tool")
            ),
            queries.chips(tenant, PERIOD, received_before),
            list(queries.chip_intervals(tenant, "p800", PERIOD, timedelta(0), received_before)),
            queries.usage_types(tenant, PERIOD, received_before),
            queries.evidence(
                tenant,
                parse_meter({"type": "agent.task", "aggregation": "count"}),
                PERIOD,
                received_before=received_before,
            ),
        ]

    watermark = queries.store_now(tenant)
    before = everything(watermark)
    assert everything(None) == before
    send(tenant, second)
    assert everything(watermark) == before
    now = everything(queries.store_now(tenant))
    assert everything(None) == now
    assert all(a != b for a, b in zip(before, now, strict=True) if a and not isinstance(a[0], str))
