"""Who may see which tenant's pages."""

from django.conf import settings
from django.db import models

from metering.models import Tenant


class Membership(models.Model):
    """A person's place in a tenant. Staff, the operator's people, need none."""

    class Role(models.TextChoices):
        """What a member may do; every role may look."""

        OWNER = "owner"
        FINANCE = "finance"
        DEVELOPER = "developer"
        VIEWER = "viewer"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)

    class Meta:
        ordering = ["tenant__slug", "user__username"]
        constraints = [
            models.UniqueConstraint(fields=["user", "tenant"], name="one_membership_each")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.tenant} ({self.role})"
