"""What of metering can be measured."""

from metering.bench import daa, ingest
from metering.bench.registry import register

register(ingest.BENCHMARK)
register(daa.BENCHMARK)
