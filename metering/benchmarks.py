"""What of metering can be measured."""

from metering.bench import ingest, tasks
from metering.bench.registry import register

register(ingest.BENCHMARK)
register(tasks.BENCHMARK)
