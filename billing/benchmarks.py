"""What of billing can be measured."""

from billing.bench import export
from metering.bench.registry import register

register(export.BENCHMARK)
