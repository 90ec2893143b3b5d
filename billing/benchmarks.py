"""What of billing can be measured."""

from billing.bench import budgets
from metering.bench.registry import register

register(budgets.BENCHMARK)
