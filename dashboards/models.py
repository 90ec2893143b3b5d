"""Who may see which tenant's pages."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

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


class Invitation(models.Model):
    """A place in a tenant for whoever has the link, which is shown once and kept as a SHA-256."""

    LIVES = timedelta(days=7)
    MOST_NAME = 150

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="invitations")
    # Whom it was made for, in the words of who made it.
    name = models.CharField(max_length=MOST_NAME)
    role = models.CharField(max_length=16, choices=Membership.Role.choices)
    hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} to {self.tenant} ({self.role})"

    @property
    def open(self) -> bool:
        """Whether it still makes a member of somebody."""
        taken = self.accepted_at or self.withdrawn_at
        return not taken and timezone.now() < self.expires_at
