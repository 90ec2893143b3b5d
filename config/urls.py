"""Every address of the installation."""

from importlib.util import find_spec

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("metering.urls")),
]
# TEMPORARY while the apps are being written
for _app in ("billing", "dashboards"):
    if find_spec(f"{_app}.urls"):
        urlpatterns.append(path("", include(f"{_app}.urls")))
