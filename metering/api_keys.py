"""Making, finding and revoking API keys."""

import hashlib
import secrets
import time
from collections.abc import Sequence

from django.db import OperationalError, transaction
from django.utils import timezone

from metering import audit
from metering.models import ApiKey, Tenant

PREFIX = "dbk_"
SCOPES = (ApiKey.INGEST, ApiKey.READ)
NOTED_EVERY_SECONDS = 300
# When this process last noted the use of a key, by its own clock.
_noted: dict[int, float] = {}


def create_api_key(tenant: Tenant, scopes: Sequence[str] = SCOPES) -> str:
    """Make a key and return it; it cannot be shown again."""
    if unknown := set(scopes) - set(SCOPES):
        raise ValueError(f"unknown scope {min(unknown)!r}; choose from {', '.join(SCOPES)}")
    key = PREFIX + secrets.token_urlsafe(32)
    hint, allowed = key[: len(PREFIX) + 6], sorted(set(scopes))
    with transaction.atomic():
        ApiKey.objects.create(tenant=tenant, hash=_hash(key), hint=hint, scopes=allowed)
        audit.record("api_key.created", hint, tenant, scopes=" ".join(allowed))
    return key


def find_api_key(key: str) -> ApiKey | None:
    """The live key with this text, its tenant loaded, or None."""
    found = ApiKey.objects.select_related("tenant").filter(hash=_hash(key), revoked_at=None)
    return found.first()


def note_use(api_key: ApiKey) -> None:
    """Remember that the key was used, at most once in a few minutes of each process.

    Nobody's request fails or waits for long because of it: the next one tries again.
    """
    now = time.monotonic()
    if now - _noted.get(api_key.pk, -NOTED_EVERY_SECONDS) < NOTED_EVERY_SECONDS:
        return
    _noted[api_key.pk] = now
    try:
        ApiKey.objects.filter(pk=api_key.pk).update(last_used_at=timezone.now())
    except OperationalError:
        _noted.pop(api_key.pk, None)


def revoke_api_key(api_key: ApiKey) -> None:
    """Refuse the key from now on; the row stays, as a record that it existed."""
    with transaction.atomic():
        live = ApiKey.objects.filter(pk=api_key.pk, revoked_at=None)
        if live.update(revoked_at=timezone.now()):
            audit.record("api_key.revoked", api_key.hint, api_key.tenant)


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
