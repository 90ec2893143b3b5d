"""The operator's view of plans, prices, contracts, tenants and invoices, a file for each."""

from billing.admin import (  # noqa: F401 - each registers what it is about
    agreements,
    charges,
    contracts,
    invoices,
    plans,
    prices,
    records,
    tenants,
)
from billing.stripe_sync import admin as stripe_admin  # noqa: F401 - likewise
