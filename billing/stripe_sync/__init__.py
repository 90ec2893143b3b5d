"""Invoices to Stripe and payments back: the only room that knows Stripe."""
