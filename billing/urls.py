"""Addresses of the read API of billing."""

from django.urls import path

from billing import (
    active_api,
    api,
    caches_api,
    document_api,
    export_jobs_api,
    exports_api,
    ledger_api,
)
from billing.budgets import api as budgets
from billing.prepaid import api as prepaid
from billing.stripe_sync.webhook import stripe_webhook
from billing.task_address import TASK
from billing.what_if_api import BurstWhatIf

urlpatterns = [
    path("api/v1/usage", api.Usage.as_view(), name="api-usage"),
    path("api/v1/daa", active_api.ActiveDays.as_view(), name="daa"),
    path("api/v1/efficiency", api.Efficiency.as_view(), name="api-efficiency"),
    path("api/v1/caches", caches_api.Caches.as_view(), name="api-caches"),
    path("api/v1/tasks", ledger_api.Tasks.as_view(), name="api-tasks"),
    path(f"api/v1/tasks/{TASK}/events", ledger_api.TaskEvents.as_view(), name="api-task-events"),
    path(f"api/v1/tasks/{TASK}", ledger_api.Task.as_view(), name="api-task"),
    path("api/v1/bursts", api.Bursts.as_view(), name="api-bursts"),
    path("api/v1/bursts/what-if", BurstWhatIf.as_view(), name="api-burst-what-if"),
    path("api/v1/invoices", api.Invoices.as_view(), name="api-invoices"),
    path(
        "api/v1/invoices/preview",
        document_api.InvoicePreview.as_view(),
        name="api-invoice-preview",
    ),
    path(
        "api/v1/invoices/<slug:number>.pdf",
        document_api.InvoicePdf.as_view(),
        name="api-invoice-pdf",
    ),
    path("api/v1/invoices/<slug:number>", api.InvoiceDetail.as_view(), name="api-invoice"),
    path("api/v1/invoices/<slug:number>/lines", api.InvoiceLines.as_view(), name="api-lines"),
    path(
        "api/v1/invoices/<slug:number>/lines/<int:position>/events",
        api.LineEvents.as_view(),
        name="api-line-events",
    ),
    path("api/v1/budgets", budgets.Budgets.as_view(), name="api-budgets"),
    path("api/v1/budgets/reserve", budgets.BudgetReserve.as_view(), name="api-budget-reserve"),
    path("api/v1/budgets/settle", budgets.BudgetSettle.as_view(), name="api-budget-settle"),
    path("webhooks/stripe", stripe_webhook, name="stripe-webhook"),
    path("api/v1/credits", prepaid.Credits.as_view(), name="api-credits"),
    path("api/v1/credits/grants", prepaid.CreditGrants.as_view(), name="api-credit-grants"),
    path(
        "api/v1/credits/movements", prepaid.CreditMovements.as_view(), name="api-credit-movements"
    ),
    path("api/v1/exports", export_jobs_api.ExportJobs.as_view(), name="api-exports"),
    path(
        "api/v1/exports/jobs/<uuid:job>",
        export_jobs_api.ExportJobDetail.as_view(),
        name="api-export-job",
    ),
    path(
        "api/v1/exports/jobs/<uuid:job>/file",
        export_jobs_api.ExportJobFile.as_view(),
        name="api-export-job-file",
    ),
    path("api/v1/exports/<slug:kind>.csv", exports_api.Export.as_view(), name="api-export"),
]
