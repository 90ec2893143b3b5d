"""Logging in, and a new password. Whoever fails too often from one address under one name waits."""

import hashlib
from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.urls import reverse_lazy

from metering import audit
from metering.actor import acting

TRIES = 8
WAIT_SECONDS = 10 * 60


class LimitedLoginView(LoginView):
    """Counts failures in the cache; a password that is right starts over."""

    template_name = "dashboards/login.html"
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if cache.get(_key(request), 0) >= TRIES:
            return self._too_many()
        return super().post(request, *args, **kwargs)

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        key = _key(self.request)
        cache.add(key, 0, WAIT_SECONDS)
        try:
            cache.incr(key)
        except ValueError:  # it expired between the two
            cache.set(key, 1, WAIT_SECONDS)
        return super().form_invalid(form)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        cache.delete(_key(self.request))
        name = form.get_user().get_username()
        with acting(f"user {name}"):
            audit.record("session.started", name)
        return super().form_valid(form)

    def _too_many(self) -> HttpResponse:
        context = self.get_context_data(form=self.get_form_class()(self.request), too_many=True)
        response = self.render_to_response(context, status=429)
        response["Retry-After"] = str(WAIT_SECONDS)
        return response


class ChangePasswordView(PasswordChangeView):
    """A new password for whoever is logged in; their other sessions end."""

    template_name = "dashboards/password.html"
    success_url = reverse_lazy("overview")

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        audit.record("password.changed", self.request.user.get_username())
        return response


def _key(request: HttpRequest) -> str:
    """One name from one address: nobody can lock out somebody else from elsewhere."""
    name = request.POST.get("username", "").casefold()
    who = f"{request.META.get('REMOTE_ADDR', '')}\n{name}"
    return f"login-failures:{hashlib.sha256(who.encode()).hexdigest()}"
