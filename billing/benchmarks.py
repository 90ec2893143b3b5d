"""What of billing can be measured."""

from billing.bench import budgets, close, export
from metering.bench.registry import register

register(close.BENCHMARK)
register(budgets.BENCHMARK)
register(export.BENCHMARK)
