"""Dashboards: how it looks."""

from django.apps import AppConfig


class DashboardsConfig(AppConfig):
    """Rows in, pages out."""

    name = "dashboards"
