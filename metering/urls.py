"""Addresses of the ingestion API, its reads and the health check."""

from django.urls import path

from metering import api, health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("api/v1/events", api.post_events, name="events"),
    path("api/v1/daa", api.ActiveDays.as_view(), name="daa"),
    path("api/v1/quarantine", api.Quarantine.as_view(), name="quarantine"),
]
