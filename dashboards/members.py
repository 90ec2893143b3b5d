"""Who belongs to a tenant: invited, joined, given another role, removed. Every step is logged."""

import hashlib
import secrets
from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from dashboards.models import Invitation, Membership
from metering import audit
from metering.models import Tenant

OWNER = Membership.Role.OWNER


class MemberError(ValueError):
    """Why nothing was changed, in one sentence."""


def members(tenant: Tenant) -> Iterable[Membership]:
    """The tenant's people, by name."""
    found = Membership.objects.filter(tenant=tenant).select_related("user")
    return found.order_by("user__username")


def open_invitations(tenant: Tenant) -> Iterable[Invitation]:
    """What still makes members, the newest first."""
    found = Invitation.objects.filter(tenant=tenant, accepted_at=None, withdrawn_at=None)
    return found.filter(expires_at__gt=timezone.now())


def invite(tenant: Tenant, name: str, role: str) -> str:
    """Make an invitation and return its token; it cannot be shown again. Raises MemberError."""
    name = name.strip()
    if not 0 < len(name) <= Invitation.MOST_NAME:
        problem = f"Say whom the invitation is for, in at most {Invitation.MOST_NAME} characters."
        raise MemberError(problem)
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        Invitation.objects.create(
            tenant=tenant,
            name=name,
            role=_role(role),
            hash=_hash(token),
            expires_at=timezone.now() + Invitation.LIVES,
        )
        audit.record("member.invited", name, tenant, role=role)
    return token


def withdraw(tenant: Tenant, pk: int) -> None:
    """Make an open invitation worth nothing. Raises MemberError."""
    with transaction.atomic():
        found = Invitation.objects.select_for_update().filter(tenant=tenant, pk=pk).first()
        if found is None or not found.open:
            raise MemberError("This invitation is not open any more.")
        found.withdrawn_at = timezone.now()
        found.save()
        audit.record("invitation.withdrawn", found.name, tenant)


def find_invitation(token: str) -> Invitation | None:
    """The open invitation with this token."""
    found = Invitation.objects.select_related("tenant").filter(hash=_hash(token)).first()
    return found if found and found.open else None


def accept(token: str, user: User) -> Membership:
    """Make a member of somebody, once. Raises MemberError."""
    with transaction.atomic():
        found = Invitation.objects.select_for_update().filter(hash=_hash(token)).first()
        if found is None or not found.open:
            raise MemberError("This invitation is not open any more; ask for another one.")
        if Membership.objects.filter(tenant=found.tenant, user=user).exists():
            raise MemberError(f"{user.get_username()} is a member of {found.tenant.name} already.")
        found.accepted_at = timezone.now()
        found.save()
        membership = Membership.objects.create(tenant=found.tenant, user=user, role=found.role)
        name = user.get_username()
        audit.record("member.joined", name, found.tenant, role=found.role, invited=found.name)
    return membership


def change_role(tenant: Tenant, pk: int, role: str) -> None:
    """Give a member another role. Raises MemberError."""
    with transaction.atomic():
        member, before = _locked(tenant, pk), ""
        before, member.role = member.role, _role(role)
        if before == OWNER and role != OWNER:
            _keep_an_owner(tenant, member)
        member.save()
        if before != role:
            name = member.user.get_username()
            audit.record("member.changed", name, tenant, before=before, role=role)


def remove(tenant: Tenant, pk: int) -> None:
    """Take a member's place away; the account itself stays. Raises MemberError."""
    with transaction.atomic():
        member = _locked(tenant, pk)
        if member.role == OWNER:
            _keep_an_owner(tenant, member)
        member.delete()
        audit.record("member.removed", member.user.get_username(), tenant, role=member.role)


def _locked(tenant: Tenant, pk: int) -> Membership:
    """The membership, with its tenant locked: two owners cannot remove each other at once."""
    Tenant.objects.select_for_update().get(pk=tenant.pk)
    member = Membership.objects.select_related("user").filter(tenant=tenant, pk=pk).first()
    if member is None:
        raise MemberError("There is no such member any more.")
    return member


def _keep_an_owner(tenant: Tenant, member: Membership) -> None:
    owners = Membership.objects.filter(tenant=tenant, role=OWNER).exclude(pk=member.pk)
    if not owners.exists():
        raise MemberError("A tenant keeps at least one owner: make somebody else one first.")


def _role(role: str) -> str:
    if role not in Membership.Role.values:
        raise MemberError(f"{role!r} is no role; choose {', '.join(Membership.Role.values)}.")
    return role


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
