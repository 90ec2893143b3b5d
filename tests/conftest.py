"""What the tests share: a real embedded ClickHouse for each worker, tenants, keys, events."""

import itertools
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hypothesis
import msgspec
import pytest
from django.conf import settings
from django.db import connection as django_connection
from django.test import Client

from metering.api_keys import create_api_key
from metering.clickhouse import connection
from metering.clickhouse.embedded import launch
from metering.clickhouse.migrate import migrate
from metering.ingest import Report, ingest
from metering.models import Tenant
from metering.rollups import roll_up

# How long an example takes is the machine's affair; speed belongs into `bench`.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

_slugs = itertools.count(1)
# Microseconds, a thousand apart: workers that share a server do not meet.
_ids = itertools.count(time.time_ns() // 1000, 1000)


# The store makes a dozen small files for each insert, which in memory costs much less. A whole run
# keeps some 100 MB; where a container has little memory to give, the folder is on disk as others.
_IN_MEMORY = Path("/dev/shm")  # noqa: S108
_ENOUGH = 4 << 30


def _fast_parent() -> Path | None:
    """Where files are kept in memory, if there is room; none for the usual place."""
    if not (_IN_MEMORY.is_dir() and os.access(_IN_MEMORY, os.W_OK)):
        return None
    return _IN_MEMORY if shutil.disk_usage(_IN_MEMORY).free >= _ENOUGH else None


@pytest.fixture(scope="session")
def _worker_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="daybook-tests-", dir=_fast_parent()) as folder:
        yield Path(folder)


@pytest.fixture(scope="session", autouse=True)
def data_dir(_worker_folder: Path) -> Iterator[Path]:
    """A folder of its own for each worker, gone with the run."""
    folder = _worker_folder
    settings.DATA_DIR = folder
    settings.STATIC_ROOT = folder / "static"
    settings.STATIC_ROOT.mkdir()
    settings.STORAGES["staticfiles"] = {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
    }
    yield folder
    connection.disconnect()
    launch.stop(folder / "clickhouse")


@pytest.fixture(scope="session")
def migrated_store(data_dir: Path) -> None:
    """An embedded ClickHouse with the schema; a real server where CLICKHOUSE_URL is set."""
    migrate()


@pytest.fixture(autouse=True)
def _emptied(request: pytest.FixtureRequest) -> Iterator[None]:
    """After a test that commits, also what the database refuses to delete can be deleted."""
    marker = request.node.get_closest_marker("django_db")
    commits = marker is not None and marker.kwargs.get("transaction")
    if commits or {"transactional_db", "live_server"} & set(request.fixturenames):
        request.getfixturevalue("transactional_db")
        yield
        _without_triggers()
    else:
        yield


def _without_triggers() -> None:
    """Empty SQLite's tables that have triggers; PostgreSQL's TRUNCATE does not ask any."""
    if django_connection.vendor != "sqlite":
        return
    with django_connection.cursor() as cursor:
        cursor.execute("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'")
        triggers = cursor.fetchall()
        for name, _, _ in triggers:
            cursor.execute(f"DROP TRIGGER {name}")
        with django_connection.constraint_checks_disabled():
            for table in {table for _, table, _ in triggers}:
                cursor.execute(f"DELETE FROM {table}")
        for _, _, sql in triggers:
            cursor.execute(sql)


@pytest.fixture
def store(migrated_store: None, db: None) -> None:
    """The store, where no tenant of this test has an event yet.

    SQLite gives out ids again after a rollback, but none below the highest it has seen; so the
    tables need not be emptied, which takes longer than most tests.
    """
    Tenant.objects.create(pk=next(_ids), slug="highest-id").delete()


@pytest.fixture
def make_tenant(store: None) -> Callable[..., Tenant]:
    """Tenants with any field set; the slug is made up."""

    def make(**fields: Any) -> Tenant:
        slug = fields.pop("slug", f"tenant-{next(_slugs)}")
        return Tenant.objects.create(slug=slug, name=fields.pop("name", slug.title()), **fields)

    return make


@pytest.fixture
def tenant(make_tenant: Callable[..., Tenant]) -> Tenant:
    """A tenant in UTC and US dollars."""
    return make_tenant()


class Events:
    """Builds CloudEvents; every one gets an id of its own unless told otherwise."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)

    def __call__(
        self, kind: str, time: str | datetime, agent: str = "ada", **data: Any
    ) -> dict[str, Any]:
        attributes = {name: data.pop(name) for name in ("id", "source") if name in data}
        if isinstance(time, datetime):
            time = time.astimezone(UTC).isoformat()
        return {
            "specversion": "1.0",
            "id": f"e{next(self._ids)}",
            "source": "test",
            "type": kind,
            "subject": agent,
            "time": time,
            "data": data,
        } | attributes

    def task(
        self,
        time: str | datetime,
        task: str,
        status: str = "succeeded",
        agent: str = "ada",
        **data: Any,
    ) -> dict[str, Any]:
        return self("agent.task", time, agent, task=task, status=status, **data)

    def tokens(
        self, time: str | datetime, model: str = "m", agent: str = "ada", **data: Any
    ) -> dict[str, Any]:
        return self("agent.tokens", time, agent, model=model, **data)

    def chip(
        self, started_at: str, ended_at: str, chip: str = "p800", agent: str = "ada", **data: Any
    ) -> dict[str, Any]:
        return self(
            "agent.chip",
            started_at,
            agent,
            chip=chip,
            started_at=started_at,
            ended_at=ended_at,
            **data,
        )


@pytest.fixture
def event() -> Events:
    """`event.tokens("2026-10-01T00:00:00Z", input_tokens=5)` and the like."""
    return Events()


def encode(events: list[dict[str, Any]]) -> list[bytes]:
    """Each event as JSON."""
    return [msgspec.json.encode(event) for event in events]


@pytest.fixture
def send() -> Callable[..., Report]:
    """Put events through the ingestion path: `send(tenant, [event, …])`."""

    def _send(tenant: Tenant, events: list[dict[str, Any]]) -> Report:
        return ingest(tenant, encode(events))

    return _send


@pytest.fixture
def roll() -> Callable[[Tenant], int]:
    """Bring a tenant's rollups up to date."""
    return lambda tenant: roll_up([tenant])


@pytest.fixture
def api(client: Client) -> Callable[[Tenant], Client]:
    """A test client that carries a key of the tenant."""

    def for_tenant(tenant: Tenant) -> Client:
        key = create_api_key(tenant)
        return Client(headers={"Authorization": f"Bearer {key}"})

    return for_tenant


@pytest.fixture
def shared() -> Callable[[str], Path]:
    """A folder of real data beside the checkout, or a skip that says how to get it."""

    def folder(name: str) -> Path:
        variable = f"{name.upper()}_DIR"
        default = Path(__file__).resolve().parent.parent.parent / "shared" / name
        path = Path(os.environ.get(variable, default))
        if not path.is_dir():
            pytest.skip(f"no folder {path}; set {variable} to where the {name} are")
        return path

    return folder
