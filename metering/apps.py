"""Metering: what happened."""

from django.apps import AppConfig


class MeteringConfig(AppConfig):
    """Events in, usage out."""

    name = "metering"
