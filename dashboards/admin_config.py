"""Which site Django's administration is."""

from django.contrib.admin.apps import AdminConfig


class OperatorAdminConfig(AdminConfig):
    """Django's administration, in the operator's order."""

    default_site = "dashboards.admin_site.OperatorSite"
