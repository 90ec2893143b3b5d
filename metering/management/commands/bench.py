"""`manage.py bench`."""

from argparse import ArgumentParser
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError
from django.utils.module_loading import autodiscover_modules
from tqdm import tqdm

from metering.bench.installation import BenchError
from metering.bench.registry import BENCHMARKS
from metering.commands import one_sentence


class Command(BaseCommand):
    help = (
        "Measure the product beside the bare driver or engine, in one run, in a folder of its own."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        autodiscover_modules("benchmarks")
        what = parser.add_subparsers(dest="what", required=True, metavar="|".join(BENCHMARKS))
        for benchmark in BENCHMARKS.values():
            options = what.add_parser(benchmark.name, help=benchmark.help)
            options.add_argument("--json", action="store_true", help="print JSON only")
            benchmark.add_arguments(options)

    def handle(self, *args: Any, **options: Any) -> None:
        benchmark = BENCHMARKS[options["what"]]
        try:
            with one_sentence(), ExitStack() as stack:
                result = benchmark.run(options, _Bars(stack).show)
        except BenchError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(
            msgspec.json.encode(asdict(result)).decode()
            if options["json"]
            else benchmark.table(result)
        )


class _Bars:
    """A progress bar for each thing that is measured; silent where there is no terminal."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._bars: dict[str, Any] = {}

    def show(self, what: str, done: int, total: int) -> None:
        if what not in self._bars:
            bar = tqdm(total=total, desc=what, disable=None)
            self._bars[what] = self._stack.enter_context(bar)
        self._bars[what].update(done)
