"""A tenant's bursts worked out tick by tick, in fractions, from events and contracts as sent.

It shares no code with the product. Events and contracts are dictionaries in the promised forms;
moments, granularities and minimums must be whole ticks of five minutes.
"""

from collections import defaultdict
from datetime import UTC, date, datetime
from fractions import Fraction
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

TICK = 300
Contract = dict[str, Any]
Chips = list[dict[str, Any]]
Span = tuple[int, int, Fraction, str]


def midnight(day: date, zone: str) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).timestamp())


def second(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp())


def stretched(chip: dict[str, Any], contract: Contract) -> int:
    begun, length, step = second(chip["started_at"]), 0, contract["granularity_ms"] // 1000
    while begun + length < second(chip["ended_at"]):
        length += step
    return begun + max(length, int(contract["minimum_ms"]) // 1000)


def spans(chips: Chips, contract: Contract) -> list[Span]:
    """From when to when each interval counts, how many chips it is, and its phase."""
    return [
        (
            second(chip["started_at"]),
            stretched(chip, contract),
            Fraction(chip["count"]),
            chip["phase"],
        )
        for chip in chips
    ]


def level(spans: list[Span], at: int, *phases: str) -> Fraction:
    return sum(
        (count for begun, end, count, phase in spans if begun <= at < end and phase in phases),
        Fraction(0),
    )


def price_of_tiers(tiers: list[dict[str, Any]], quantity: Fraction) -> Fraction:
    amount, lower = Fraction(0), Fraction(0)
    for tier in tiers:
        if quantity > lower:
            upper = quantity if tier["up_to"] is None else min(quantity, Fraction(tier["up_to"]))
            amount += (upper - lower) * Fraction(tier["unit_amount"])
            amount += Fraction(tier.get("flat_amount", "0"))
            lower = upper
    return amount


def row(
    chips: Chips, contracts: list[Contract], zone: str, from_: date, to: date
) -> dict[str, Fraction]:
    """The figures of one chip; contracts by date, the first in force before the range starts."""
    walk = _Walk(chips, contracts, zone)
    start, end = midnight(from_, zone), midnight(to, zone)
    for at in range(midnight(contracts[0]["valid_from"], zone), end, TICK):
        walk.step(at, counted=at >= start)
    return walk.figures()


class _Walk:
    """Credits from the first contract's start on; figures from the range's."""

    def __init__(self, chips: Chips, contracts: list[Contract], zone: str) -> None:
        self.chips, self.zone = chips, ZoneInfo(zone)
        self.contracts = {midnight(c["valid_from"], zone): c for c in contracts}
        self.now: Contract = {}
        self.spans: list[Span] = []
        self.credit = Fraction(0)
        self.above = False
        self.levels: list[Fraction] = []
        self.price_seconds = Fraction(0)
        self.sums: dict[str, Fraction] = defaultdict(Fraction)
        self.burst_by_contract: dict[int, Fraction] = defaultdict(Fraction)
        self.hours: dict[str, list[tuple[Fraction, Fraction]]] = defaultdict(list)
        self.begun = 0

    def step(self, at: int, *, counted: bool) -> None:
        if at in self.contracts:
            self.now, self.credit, self.begun = self.contracts[at], Fraction(0), at
            self.spans = spans(self.chips, self.now)
        now = self.now
        used = level(self.spans, at, "active", "cold_start")
        baseline = Fraction(now["baseline"])
        if used < baseline:
            more = Fraction(now["credit_accrual"]) * (baseline - used) * TICK
            self.credit = min(Fraction(now["credit_cap"]), self.credit + more)
        over = max(Fraction(0), used - baseline) * TICK
        spent = min(over, self.credit)
        self.credit -= spent
        if not counted:
            return
        self.sums["baseline_chip_seconds"] += min(used, baseline) * TICK
        self.sums["credited_chip_seconds"] += spent
        self.sums["burst_chip_seconds"] += over - spent
        self.burst_by_contract[self.begun] += over - spent
        self.sums["bursts"] += used > baseline and not self.above
        self.above = used > baseline
        idle = level(self.spans, at, "idle") * TICK
        self.sums["idle_chip_seconds"] += idle
        starts = sum(begun == at and phase == "cold_start" for begun, _, _, phase in self.spans)
        self.sums["cold_starts"] += starts
        on_demand = Fraction(now["on_demand_price"])
        self.sums["amount"] += baseline * TICK * Fraction(now["baseline_price"])
        self.sums["amount"] += idle * Fraction(now["idle_factor"]) * on_demand
        self.sums["amount"] += starts * Fraction(now["cold_start_fee"])
        self.levels.append(used)
        self.price_seconds += on_demand * TICK
        # A clock hour that comes twice bears two offsets.
        clock = datetime.fromtimestamp(at, UTC).astimezone(self.zone)
        self.hours[f"{clock:%Y-%m-%d %H %z}"].append((used, on_demand))

    def figures(self) -> dict[str, Fraction]:
        means = sorted(self.levels)  # a tick is as long as a sample
        dropped = len(means) * 5 // 100
        bursts = Fraction(0)
        for begun, quantity in self.burst_by_contract.items():
            bursts += price_of_tiers(self.contracts[begun]["burst_tiers"], quantity)
        hourly = Fraction(0)
        for hour in self.hours.values():
            chips = ceil(max(used for used, _ in hour))
            hourly += chips * TICK * sum((price for _, price in hour), Fraction(0))
        return dict(self.sums) | {
            "amount": self.sums["amount"] + bursts,
            "peak": max(self.levels),
            "mean": sum(self.levels, Fraction(0)) / len(self.levels),
            "p95": means[len(means) - dropped - 1],
            "dormancy": Fraction(self.levels.count(Fraction(0)), len(self.levels)),
            "reserved_peak_amount": max(self.levels) * self.price_seconds,
            "reserved_hourly_amount": hourly,
        }
