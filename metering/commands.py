"""What the commands share: finding a tenant, and one sentence for what went wrong."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.db import DatabaseError

from metering.clickhouse.connection import StoreUnavailable
from metering.models import Tenant


def find_tenant(slug: str) -> Tenant:
    """The tenant, or a CommandError that names it."""
    try:
        return Tenant.objects.get(slug=slug)
    except Tenant.DoesNotExist:
        raise CommandError(
            f"there is no tenant {slug!r}; make one with: manage.py create_tenant {slug}"
        ) from None


def find_tenants(slug: str | None) -> list[Tenant]:
    """The one tenant, or all of them when no slug is given."""
    return [find_tenant(slug)] if slug else list(Tenant.objects.all())


@contextmanager
def one_sentence() -> Iterator[None]:
    """Turn what an operator can mend into one sentence and a non-zero exit."""
    try:
        yield
    except StoreUnavailable as error:
        raise CommandError(f"{error}. Nothing is lost: run this again once it is up.") from error
    except DatabaseError as error:
        raise CommandError(f"the database does not answer: {str(error).strip()}") from error
