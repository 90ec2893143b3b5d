"""Every address of the installation."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularSwaggerSplitView

from metering.openapi.view import DescriptionView

handler404 = "metering.problems.not_found"
handler500 = "metering.problems.server_error"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/schema/", DescriptionView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(), name="docs"),
    path("", include("metering.urls")),
    path("", include("billing.urls")),
    path("", include("dashboards.urls")),
]
