"""The settings of an installation whose reads are measured: the product's, and their queries."""

from config.settings import *  # noqa: F403
from config.settings import MIDDLEWARE

MIDDLEWARE = ["metering.bench.replaying.ReplayQueries", *MIDDLEWARE]
