"""How long reserving takes under a hard budget that everybody shares, beside an empty view.

The view asks for the same key and reads the same body. The two take turns on the same connections.
"""

import time
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import count
from statistics import quantiles
from typing import Any

import msgspec

from metering.bench.installation import BenchError, Installation, running_installation
from metering.bench.registry import Benchmark, Progress

_SETTINGS = {"DJANGO_SETTINGS_MODULE": "metering.bench.settings"}
_PATHS = {"/bench/nothing": 204, "/api/v1/budgets/reserve": 200}
_NUMBERS = count()
CONFIGURATION = {
    "budgets": [
        {"tenant": "bench", "code": "all", "amount": "1000000", "hard": True},
        {"tenant": "bench", "code": "search", "amount": "1000000", "label": "team=search"},
    ]
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetsResult:
    """Milliseconds; the ratio is of the 99th percentiles."""

    reservations: int
    connections: int
    per_second: float
    reserve_p50_ms: float
    reserve_p99_ms: float
    empty_p50_ms: float
    empty_p99_ms: float
    ratio: float


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--reservations", type=int, default=4_000, help="how many (4,000)")
    parser.add_argument("--database-url", help="an empty database other than SQLite")
    parser.add_argument("--connections", type=int, default=8, help="agents at once (8)")


def _run(options: Mapping[str, Any], progress: Progress) -> BudgetsResult:
    if options["reservations"] < 100 * options["connections"]:
        raise BenchError("--reservations must be at least 100 for each connection")
    url = options["database_url"]
    settings = _SETTINGS | ({"DATABASE_URL": url} if url else {})
    with running_installation(**settings) as installation:
        return measure(installation, options["reservations"], options["connections"], progress)


def measure(
    installation: Installation, reservations: int, connections: int, progress: Progress
) -> BudgetsResult:
    """As many requests to each of the two, in turns."""
    key = installation.make_key("bench")
    file = installation.data_dir / "budgets.json"
    file.write_bytes(msgspec.json.encode(CONFIGURATION))
    installation.manage("apply", str(file))
    each = reservations // connections
    with ThreadPoolExecutor(connections) as pool:
        agents = [pool.submit(_agent, installation.port, key, each) for _ in range(connections)]
        found = []
        for agent in agents:
            found.append(agent.result())
            progress("reservations", each, reservations)
    if "add up" not in installation.manage("budgets", "--verify"):
        raise BenchError("the counters are not what the reservations make them")
    empty, reserve = ([ms for one in found for ms in one[path]] for path in _PATHS)
    return _result(connections, reserve, empty)


def _result(connections: int, reserve: list[float], empty: list[float]) -> BudgetsResult:
    (r50, r99), (e50, e99) = _percentiles(reserve), _percentiles(empty)
    return BudgetsResult(
        reservations=len(reserve),
        connections=connections,
        per_second=round(1000 * connections * len(reserve) / sum(reserve), 1),
        reserve_p50_ms=round(r50, 2),
        reserve_p99_ms=round(r99, 2),
        empty_p50_ms=round(e50, 2),
        empty_p99_ms=round(e99, 2),
        ratio=round(r99 / e99, 2),
    )


def _percentiles(values: list[float]) -> tuple[float, float]:
    cuts = quantiles(values, n=100)
    return cuts[49], cuts[98]


def _agent(port: int, key: str, requests: int) -> dict[str, list[float]]:
    """One connection: by path, how many milliseconds each request took."""
    taken: dict[str, list[float]] = {path: [] for path in _PATHS}
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as web:
        for body in _bodies(requests):
            for path, status in _PATHS.items():
                begun = time.perf_counter()
                web.request("POST", path, body, headers)
                answer = web.getresponse()
                text = answer.read()
                taken[path].append(1000 * (time.perf_counter() - begun))
                if answer.status != status:
                    raise BenchError(f"{path} answered {answer.status}: {text[:200].decode()}")
    return taken


def _bodies(requests: int) -> Iterator[bytes]:
    for _ in range(requests):
        asked = {"key": f"call-{next(_NUMBERS)}", "amount": "0.01", "labels": {"team": "search"}}
        yield msgspec.json.encode(asked)


def _table(result: BudgetsResult) -> str:
    return (
        f"{result.reservations:,} reservations under one budget,"
        f" {result.connections} agents at once\n"
        f"{'':<12}{'median':>10}{'p99':>12}\n"
        f"{'reserve':<12}{result.reserve_p50_ms:>7,.1f} ms{result.reserve_p99_ms:>9,.1f} ms\n"
        f"{'empty view':<12}{result.empty_p50_ms:>7,.1f} ms{result.empty_p99_ms:>9,.1f} ms\n"
        f"p99 to that of the empty view: {result.ratio:.2f}"
    )


BENCHMARK = Benchmark(
    name="budgets",
    help="reserving under a budget that everybody shares, beside an empty view",
    add_arguments=_arguments,
    run=_run,
    table=_table,
)
