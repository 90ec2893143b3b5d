"""Addresses of the operator's pages."""

from django.urls import path

from dashboards.operator import views

urlpatterns = [
    path("", views.tenants, name="operator-tenants"),
    path("revenue/", views.revenue, name="operator-revenue"),
    path("ingestion/", views.health, name="operator-ingestion"),
    path("unpriced/", views.unpriced, name="operator-unpriced"),
    path("stripe/", views.stripe, name="operator-stripe"),
    path("close/", views.close, name="operator-close"),
    path("close/progress/", views.progress, name="operator-close-progress"),
]
