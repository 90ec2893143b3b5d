"""What of metering can be measured."""

from metering.bench import bursts, daa, efficiency, ingest, tasks
from metering.bench.registry import register

register(ingest.BENCHMARK)
register(daa.BENCHMARK)
register(efficiency.BENCHMARK)
register(bursts.BENCHMARK)
register(tasks.BENCHMARK)
