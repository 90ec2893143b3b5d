"""What of the dashboards can be measured."""

from dashboards.bench import query
from metering.bench.registry import register

register(query.BENCHMARK)
