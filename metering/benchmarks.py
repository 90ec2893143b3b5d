"""What of metering can be measured."""

from metering.bench import efficiency, ingest
from metering.bench.registry import register

register(ingest.BENCHMARK)
register(efficiency.BENCHMARK)
