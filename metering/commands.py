"""What the commands share: an installation to work on, and one sentence for what went wrong."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from metering.clickhouse.connection import StoreUnavailable
from metering.clickhouse.migrate import OtherLayout, migrate
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


def read_moment(name: str, text: str | None, tenant: Tenant) -> datetime | None:
    """An option that is a moment, or a date on the tenant's clock; a CommandError that names it."""
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        raise CommandError(
            f"{name}: {text!r} is not a date such as 2026-10-15 or a time such as"
            " 2026-10-15T09:00:00Z"
        ) from None
    if found is None or found.tzinfo:
        return found
    return found.replace(tzinfo=ZoneInfo(tenant.timezone))


@contextmanager
def one_sentence() -> Iterator[None]:
    """Turn what an operator can mend into one sentence and a non-zero exit."""
    try:
        yield
    except StoreUnavailable as error:
        raise CommandError(f"{error}. Nothing is lost: run this again once it is up.") from error
    except OtherLayout as error:
        raise CommandError(str(error)) from error
    except DatabaseError as error:
        raise CommandError(f"the database does not answer: {str(error).strip()}") from error


@contextmanager
def prepared(*, store: bool = False) -> Iterator[None]:
    """The database, and if asked for the event store, with their schemas up to date.

    So that any command may be the first one of a new installation.
    """
    with one_sentence():
        check_data_dir()
        _prepare_database()
        if store:
            migrate()
        yield


def check_data_dir() -> None:
    """Make the folder in which an embedded installation keeps everything, or say why not."""
    probe = settings.DATA_DIR / f".writable-{os.getpid()}"
    try:
        settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise CommandError(
            f"the data folder {settings.DATA_DIR} cannot be written ({error.strerror});"
            " set DATA_DIR to one that can"
        ) from None


def _prepare_database() -> None:
    executor = MigrationExecutor(connection)
    if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return
    if connection.vendor != "sqlite":
        # A database of its own is brought up to date when its operator says so.
        raise CommandError("the database's schema is not up to date; run: manage.py migrate")
    call_command("migrate", verbosity=0)
