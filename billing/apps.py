"""Billing: what it costs."""

from django.apps import AppConfig
from django.conf import settings

from billing.exports.accounts import check_accounts


class BillingConfig(AppConfig):
    """Usage in, invoices out."""

    name = "billing"

    def ready(self) -> None:
        """A setting that is read once a month is refused at the start, not at the month's end."""
        check_accounts(settings.JOURNAL_ACCOUNTS)
