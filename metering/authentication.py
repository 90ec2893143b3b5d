"""Who is asking: `Authorization: Bearer KEY`, or Basic with the key as password."""

import base64
import binascii
from typing import TYPE_CHECKING

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, Throttled
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from metering.actor import act_as
from metering.api_keys import find_api_key, note_use
from metering.key_failures import PER_SECONDS, too_many
from metering.models import ApiKey, Tenant

if TYPE_CHECKING:
    # DRF's settings import this module while its views are being imported.
    from rest_framework.views import APIView


def key_from_header(header: str) -> str | None:
    """The key text in an Authorization header; None when it holds none."""
    scheme, _, value = header.strip().partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return None


class ApiKeyAuthentication(BaseAuthentication):
    """Sets `request.auth` to the ApiKey; its tenant scopes everything that follows."""

    def authenticate(self, request: Request) -> tuple[None, ApiKey] | None:
        header = request.headers.get("Authorization", "")
        if not header:
            return None
        api_key = find_api_key(key_from_header(header) or "")
        if api_key is None and too_many(request.META.get("REMOTE_ADDR", "")):
            raise Throttled(wait=PER_SECONDS)
        if api_key is None:
            raise AuthenticationFailed("this API key is unknown or was revoked")
        note_use(api_key)
        act_as(f"key {api_key.hint}")
        return None, api_key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="daybook"'


def tenant_of(request: Request) -> Tenant:
    """Whose key came with the request; views of the API are reached with a key only."""
    if not isinstance(request.auth, ApiKey):
        raise NotAuthenticated
    return request.auth.tenant


class _HasScope(BasePermission):
    scope = ""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if not isinstance(request.auth, ApiKey):
            return False
        self.message = f"this API key lacks the scope {self.scope!r}"
        return self.scope in request.auth.scopes


class CanRead(_HasScope):
    """The key may read its tenant's numbers."""

    scope = ApiKey.READ


class CanIngest(_HasScope):
    """The key may bring events in, and put right those it brought."""

    scope = ApiKey.INGEST
