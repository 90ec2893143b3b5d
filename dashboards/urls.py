"""Addresses of the pages."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from dashboards import views
from dashboards.login import LimitedLoginView

urlpatterns = [
    path("login/", LimitedLoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("", views.overview, name="overview"),
    path("efficiency/", views.efficiency, name="efficiency"),
    path("invoices/", views.invoices, name="invoices"),
    path("invoices/<slug:number>/", views.invoice, name="invoice"),
    path("invoices/<slug:number>/lines.csv", views.invoice_lines_csv, name="invoice-lines-csv"),
]
