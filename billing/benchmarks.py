"""What of billing can be measured."""

from billing.bench import close
from metering.bench.registry import register

register(close.BENCHMARK)
