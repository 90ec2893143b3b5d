"""Addresses of the ingestion API, its reads and the health check."""

from django.urls import path

from metering import (
    alerts_api,
    api,
    audit_api,
    health,
    intake_api,
    lago_api,
    litellm_api,
    otlp_api,
    quarantine_api,
)

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("api/v1/events", api.post_events, name="events"),
    path("api/v1/events/batch", lago_api.post_batch, name="lago-batch"),
    path("api/v1/litellm", litellm_api.post_litellm, name="litellm"),
    path("api/v1/alerts", alerts_api.Alerts.as_view(), name="alerts"),
    path("api/v1/audit", audit_api.Audit.as_view(), name="audit"),
    path("api/v1/retention", api.Retention.as_view(), name="retention"),
    path("api/v1/ingestion", intake_api.Ingestion.as_view(), name="ingestion-hours"),
    path("api/v1/quarantine", quarantine_api.QuarantineList.as_view(), name="quarantine"),
    path(
        "api/v1/quarantine/replay",
        quarantine_api.QuarantineReplayAll.as_view(),
        name="quarantine-replay-all",
    ),
    path(
        "api/v1/quarantine/<uuid:reference>",
        quarantine_api.QuarantineEntry.as_view(),
        name="quarantine-entry",
    ),
    path(
        "api/v1/quarantine/<uuid:reference>/body",
        quarantine_api.QuarantineBody.as_view(),
        name="quarantine-body",
    ),
    path(
        "api/v1/quarantine/<uuid:reference>/replay",
        quarantine_api.QuarantineReplay.as_view(),
        name="quarantine-replay",
    ),
    *(
        path(f"{prefix}v1/{signal}", view, name=f"otlp-{signal}{number}")
        for number, prefix in enumerate(("", "api/public/otel/"))
        for signal, view in (
            ("traces", otlp_api.post_traces),
            ("metrics", otlp_api.post_unbilled),
            ("logs", otlp_api.post_unbilled),
        )
    ),
]
