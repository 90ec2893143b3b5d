"""The pages of members: who they are, inviting them, and joining by a link."""

from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import User
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from dashboards import members as service
from dashboards.access import Act, check_may, may, tenant_page
from dashboards.frame import render_page
from dashboards.members import MemberError
from dashboards.models import Invitation, Membership
from metering.actor import acting
from metering.models import Tenant

# Generic in its type hints only.
if TYPE_CHECKING:
    Form = UserCreationForm[User]
else:
    Form = UserCreationForm

# What each role may do beside looking, in the order in which they are offered.
ROLES = {
    Membership.Role.VIEWER: "looks at everything",
    Membership.Role.DEVELOPER: "makes API keys, repairs what was refused",
    Membership.Role.FINANCE: "sets budgets",
    Membership.Role.OWNER: "does all of it, and decides who is a member",
}


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@tenant_page
def members(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """Who belongs to the tenant; an owner invites, changes and removes."""
    if request.method != "POST":
        return _show(request, tenant)
    check_may(request, tenant, Act.MEMBERS)
    try:
        if request.POST.get("do") == "invite":
            return _show(request, tenant, link=_invite(request, tenant))
        _change(request, tenant)
    except MemberError as error:
        return _show(request, tenant, problem=str(error))
    return redirect("members")


def _invite(request: HttpRequest, tenant: Tenant) -> str:
    """The address to hand to who is invited."""
    name, role = request.POST.get("name", ""), request.POST.get("role", "")
    return request.build_absolute_uri(reverse("join", args=[service.invite(tenant, name, role)]))


def _change(request: HttpRequest, tenant: Tenant) -> None:
    try:
        pk = int(request.POST.get("id", ""))
    except ValueError:
        raise Http404("there is no such member") from None
    match request.POST.get("do"):
        case "change":
            service.change_role(tenant, pk, request.POST.get("role", ""))
        case "remove":
            service.remove(tenant, pk)
        case "withdraw":
            service.withdraw(tenant, pk)
        case _:
            raise Http404("there is nothing else to do with a member")
    messages.info(request, "It is done.")


def _show(request: HttpRequest, tenant: Tenant, problem: str = "", link: str = "") -> HttpResponse:
    context: dict[str, Any] = {
        "members": service.members(tenant),
        "invitations": service.open_invitations(tenant),
        "roles": [(role.value, does) for role, does in ROLES.items()],
        "may_change": may(cast(User, request.user), tenant, Act.MEMBERS),
        "problem": problem,
        "link": link,
        "invited": request.POST.get("name", ""),
        "days": Invitation.LIVES.days,
    }
    status = 400 if problem else 200
    return render_page(request, tenant, "dashboards/members.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_post_parameters()
def join(request: HttpRequest, token: str) -> HttpResponse:
    """Accept an invitation, with the account that is logged in or with a new one."""
    invitation = service.find_invitation(token)
    if invitation is None:
        return render(request, "dashboards/join.html", {"invitation": None}, status=404)
    user = request.user if isinstance(request.user, User) else None
    form: Form | None = None if user else UserCreationForm(request.POST or None)
    problem = ""
    if request.method == "POST" and (user or (form and form.is_valid())):
        try:
            _join(request, token, user, form)
        except MemberError as error:
            problem = str(error)
        else:
            return redirect(f"{reverse('overview')}?tenant={invitation.tenant.slug}")
    context = {"invitation": invitation, "form": form, "problem": problem}
    status = 400 if problem or (form and form.errors) else 200
    return render(request, "dashboards/join.html", context, status=status)


def _join(request: HttpRequest, token: str, user: User | None, form: Form | None) -> None:
    new = user is None and form is not None
    with transaction.atomic():
        if user is None and form is not None:
            user = form.save()
        assert user is not None, "somebody is logged in, or fills the form"  # noqa: S101
        with acting(f"user {user.get_username()}"):
            service.accept(token, user)
    if new:
        login(request, user)
