"""What of metering can be measured."""

from metering.bench import bursts, ingest, tasks
from metering.bench.registry import register

register(ingest.BENCHMARK)
register(bursts.BENCHMARK)
register(tasks.BENCHMARK)
