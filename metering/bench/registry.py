"""The benchmarks that `manage.py bench` knows; every app names its own in a module `benchmarks`."""

from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

# Hears what is measured now, how much of it was done since it last heard, and of how much.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A measurement beside a yardstick, in one run.

    `run` takes the command's options and returns a dataclass, the figures by name; `table` says
    them to a person.
    """

    name: str
    help: str
    add_arguments: Callable[[ArgumentParser], None]
    run: Callable[[Mapping[str, Any], Progress], Any]
    table: Callable[[Any], str]


BENCHMARKS: dict[str, Benchmark] = {}


def register(benchmark: Benchmark) -> None:
    """Make it known to the command."""
    BENCHMARKS[benchmark.name] = benchmark
