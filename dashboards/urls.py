"""Addresses of the pages."""

from django.contrib.auth.views import LogoutView
from django.urls import include, path

from billing.task_address import TASK
from dashboards import (
    activity_views,
    agent_views,
    budget_views,
    burst_views,
    explorer_views,
    export_views,
    ingestion_views,
    invoice_views,
    key_views,
    member_views,
    task_views,
    tenant_views,
    views,
)
from dashboards.login import ChangePasswordView, LimitedLoginView

urlpatterns = [
    path("login/", LimitedLoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("password/", ChangePasswordView.as_view(), name="password"),
    path("", views.overview, name="overview"),
    path("spend/", explorer_views.explorer, name="explorer"),
    path("spend/table.csv", explorer_views.explorer_csv, name="explorer-csv"),
    path("spend/events/", explorer_views.explorer_events, name="explorer-events"),
    path("agents/", agent_views.agents, name="agents"),
    path("agents/one/", agent_views.agent, name="agent"),
    path("budgets/", budget_views.budgets, name="budgets"),
    path("bursts/", burst_views.bursts, name="bursts"),
    path("efficiency/", views.efficiency, name="efficiency"),
    path("ingestion/", ingestion_views.ingestion, name="ingestion"),
    path("ingestion/replay/", ingestion_views.replay_reason, name="replay-reason"),
    path("ingestion/<uuid:reference>/", ingestion_views.refused, name="refused"),
    path("ingestion/<uuid:reference>/bytes/", ingestion_views.refused_bytes, name="refused-bytes"),
    path("keys/", key_views.keys, name="keys"),
    path("keys/arrived/", key_views.arrived, name="keys-arrived"),
    path("members/", member_views.members, name="members"),
    path("join/<str:token>/", member_views.join, name="join"),
    path("activity/", activity_views.activity, name="activity"),
    path("operator/", include("dashboards.operator.urls")),
    path("tenants/", tenant_views.tenants, name="tenants"),
    path("tasks/", task_views.tasks, name="tasks"),
    path(f"tasks/{TASK}", task_views.task, name="task"),
    path("exports/", export_views.exports, name="exports"),
    path("exports/<slug:kind>.csv", export_views.export_now, name="export-now"),
    path("exports/jobs/<uuid:job>/file", export_views.export_file, name="export-file"),
    path("invoices/", invoice_views.invoices, name="invoices"),
    path("invoices/preview/", invoice_views.invoice_preview, name="invoice-preview"),
    path("invoices/<slug:number>/", invoice_views.invoice, name="invoice"),
    path("invoices/<slug:number>/verify/", invoice_views.verify, name="invoice-verify"),
    path(
        "invoices/<slug:number>/lines/<int:position>/",
        invoice_views.line_evidence,
        name="line-events",
    ),
    path("invoices/<slug:number>/invoice.pdf", invoice_views.pdf, name="invoice-pdf"),
    path(
        "invoices/<slug:number>/lines.csv",
        invoice_views.invoice_lines_csv,
        name="invoice-lines-csv",
    ),
]
