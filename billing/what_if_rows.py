"""A what-if as rows of text: what the API answers and the command prints."""

from collections.abc import Iterable
from decimal import Decimal

from billing.burst_queries import BurstRow
from billing.rating.line import RatedLine
from billing.rating.money import plain
from billing.terms import ContractTerms
from billing.what_if import Candidate, WhatIf
from metering.usage.burst_usage import BurstUsage
from metering.usage.exact import exact_sum

Row = dict[str, object]

ACTUAL, CANDIDATE, LEAST_COST = "actual", "candidate", "least_cost"
_CONTRACT = (
    "baseline",
    "baseline_price",
    "on_demand_price",
    "burst_tiers",
    "idle_factor",
    "cold_start_fee",
    "credit_accrual",
    "credit_cap",
    "granularity_ms",
    "minimum_ms",
)
_USAGE = (
    "peak",
    "baseline_chip_seconds",
    "credited_chip_seconds",
    "burst_chip_seconds",
    "idle_chip_seconds",
    "cold_starts",
    "bursts",
)
_AMOUNTS = (
    "amount",
    "reserved_peak_amount",
    "reserved_hourly_amount",
    "saving",
    "hourly_saving",
)
# What an amount is made of, by how the keys of its lines begin.
_PARTS = {
    "baseline_amount": "baseline",
    "burst_amount": "burst-",
    "idle_amount": "idle",
    "cold_start_amount": "cold-starts",
}


def what_if_json(found: WhatIf, currency: str) -> Row:
    """Rows of the actual contract, if there is one, each candidate, and the least-cost baseline.

    `curve` holds the amount by baseline; `least_cost` says how it was searched.
    """
    least = found.least
    actual = [_actual(found.actual)] if found.actual.parts else []
    candidates = [_candidate(CANDIDATE, candidate) for candidate in found.candidates]
    rows = [*actual, *candidates, _candidate(LEAST_COST, found.best)]
    return {
        "chip": found.actual.chip,
        "currency": currency,
        "opening_credits": plain(found.opening_credits),
        "rows": rows,
        "next": None,
        "least_cost": {
            "baseline": plain(least.baseline),
            "amount": plain(found.best.rated.amount),
            "step": plain(least.step),
            "at_least": plain(found.at_least),
            "evaluated": least.evaluated,
        },
        "curve": [{"baseline": plain(at), "amount": plain(amount)} for at, amount in found.curve],
    }


def _actual(row: BurstRow) -> Row:
    lines = [line for part in row.parts for line in part.rated.lines]
    # Of several contracts the last is shown; the amounts are those of all.
    return _row(ACTUAL, row.parts[-1].contract, row.usage, lines) | _texts(row, _AMOUNTS)


def _candidate(kind: str, candidate: Candidate) -> Row:
    rated = candidate.rated
    return _row(kind, candidate.contract, candidate.usage, rated.lines) | _texts(rated, _AMOUNTS)


def _row(kind: str, contract: ContractTerms, usage: BurstUsage, lines: Iterable[RatedLine]) -> Row:
    parts = {name: plain(amount) for name, amount in amount_parts(lines).items()}
    return {"kind": kind} | _texts(contract, _CONTRACT) | _texts(usage, _USAGE) | parts


def amount_parts(lines: Iterable[RatedLine]) -> dict[str, Decimal]:
    """What an amount is made of, by `baseline_amount` and the like."""
    amounts = [(line.key, line.amount) for line in lines]
    return {
        name: exact_sum(amount for key, amount in amounts if key.startswith(prefix))
        for name, prefix in _PARTS.items()
    }


def _texts(source: object, names: tuple[str, ...]) -> Row:
    values = {name: getattr(source, name) for name in names}
    return {n: plain(v) if isinstance(v, Decimal) else v for n, v in values.items()}
