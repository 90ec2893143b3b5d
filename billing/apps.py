"""Billing: what it costs."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """Usage in, invoices out."""

    name = "billing"
