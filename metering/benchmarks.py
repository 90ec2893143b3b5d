"""What of metering can be measured."""

from metering.bench import ingest
from metering.bench.registry import register

register(ingest.BENCHMARK)
