"""Which tenant a request is about, and what a person may do there: decided here only."""

from collections.abc import Callable
from enum import Enum
from functools import wraps
from typing import cast

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.validators import slug_re
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase

from dashboards.models import Membership
from metering.models import Tenant

TenantView = Callable[..., HttpResponseBase]
_SESSION_KEY = "tenant"
_NO_TENANT = (
    "Your account belongs to no tenant yet. The operator makes a first one with:"
    " python manage.py create_tenant SLUG"
)


class Act(Enum):
    """What not everybody who may look may do."""

    MEMBERS = "invite, change and remove members"
    KEYS = "make and revoke API keys"
    REPAIR = "repair and drop what was refused"
    BUDGETS = "set budgets"


# Every role may look, at everything of its tenant.
ROLES = {
    Act.MEMBERS: (Membership.Role.OWNER,),
    Act.KEYS: (Membership.Role.OWNER, Membership.Role.DEVELOPER),
    Act.REPAIR: (Membership.Role.OWNER, Membership.Role.DEVELOPER),
    Act.BUDGETS: (Membership.Role.OWNER, Membership.Role.FINANCE),
}


def visible_tenants(user: User) -> QuerySet[Tenant]:
    """The tenants whose pages this person may see; staff see all."""
    tenants = Tenant.objects.all()
    return tenants if user.is_staff else tenants.filter(memberships__user=user)


def may(user: User, tenant: Tenant, act: Act) -> bool:
    """Whether this person may do it: by role, or as the operator's superuser."""
    if not user.is_active:
        return False
    roles = Membership.objects.filter(tenant=tenant, user=user, role__in=ROLES[act])
    return user.is_superuser or roles.exists()


def check_may(request: HttpRequest, tenant: Tenant, act: Act) -> None:
    """Raise PermissionDenied, which says who may, unless this person may."""
    if not may(cast(User, request.user), tenant, act):
        roles = " or ".join(f"{role.value}" for role in ROLES[act])
        raise PermissionDenied(f"This takes the role {roles} in {tenant.name}: to {act.value}.")


def tenant_page(view: TenantView) -> TenantView:
    """Give the view `(request, tenant, …)`: the tenant chosen by `?tenant=`, else the last one.

    A tenant that does not exist and one that is not theirs are the same 404.
    """

    @login_required
    @wraps(view)
    def scoped(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        return view(request, _tenant(request), *args, **kwargs)

    return scoped


def _tenant(request: HttpRequest) -> Tenant:
    user = request.user
    if not isinstance(user, User):
        raise Http404
    tenants = visible_tenants(user)
    chosen = request.GET.get("tenant")
    kept = chosen or request.session.get(_SESSION_KEY)
    # What is no slug cannot be a tenant's, and PostgreSQL refuses to look for some of it.
    tenant = tenants.filter(slug=kept).first() if kept and slug_re.match(kept) else None
    if tenant is None:
        # A membership that was taken away while the session lasted falls back to another tenant.
        tenant = None if chosen else tenants.first()
    if tenant is None and not chosen:
        raise PermissionDenied(_NO_TENANT)
    if tenant is None:
        raise Http404("no such tenant")
    request.session[_SESSION_KEY] = tenant.slug
    return tenant
