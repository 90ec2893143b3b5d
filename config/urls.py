"""Every address of the installation."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("metering.urls")),
    path("", include("billing.urls")),
    path("", include("dashboards.urls")),
]
