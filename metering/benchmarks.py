"""What of metering can be measured."""

from metering.bench import bursts, efficiency, ingest
from metering.bench.registry import register

register(ingest.BENCHMARK)
register(efficiency.BENCHMARK)
register(bursts.BENCHMARK)
