"""Which tenant a request is about: decided here, and nowhere else."""

from collections.abc import Callable
from functools import wraps

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


def visible_tenants(user: User) -> QuerySet[Tenant]:
    """The tenants whose pages this person may see; staff see all."""
    tenants = Tenant.objects.all()
    return tenants if user.is_staff else tenants.filter(memberships__user=user)


def may_repair(user: User, tenant: Tenant) -> bool:
    """Whether this person may change what was refused: an owner, or the operator's superuser."""
    owners = Membership.objects.filter(tenant=tenant, user=user, role=Membership.Role.OWNER)
    return user.is_active and (user.is_superuser or owners.exists())


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
        raise PermissionDenied("a member of no tenant")
    if tenant is None:
        raise Http404("no such tenant")
    request.session[_SESSION_KEY] = tenant.slug
    return tenant
