"""The settings of an installation under test: the product's, and a view that does nothing."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "metering.bench.urls"
