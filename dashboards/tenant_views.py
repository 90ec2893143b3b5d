"""The tenants somebody may look at, found by a part of their name."""

from typing import cast

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from dashboards.access import visible_tenants
from dashboards.frame import render_operator_page

MOST = 100


@require_safe
@login_required
def tenants(request: HttpRequest) -> HttpResponse:
    """What is found; the overview at once if it is the only one."""
    # PostgreSQL refuses to look for this character.
    text = request.GET.get("q", "").replace("\0", "").strip()
    named = Q(name__icontains=text) | Q(slug__icontains=text)
    found = list(visible_tenants(cast(User, request.user)).filter(named)[: MOST + 1])
    if text and len(found) == 1:
        return redirect(f"{reverse('overview')}?{urlencode({'tenant': found[0].slug})}")
    context = {"text": text, "found": found[:MOST], "most": MOST, "more": len(found) > MOST}
    return render_operator_page(request, "dashboards/tenants.html", context)
