"""The audit log: what is written, that nothing of it can change, and that a change is found."""

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, connections, transaction
from django.test import Client

from config.celery import app
from metering import audit
from metering.actor import acting, current_actor
from metering.api_keys import create_api_key, revoke_api_key
from metering.clickhouse.quarantine_query import Entries
from metering.models import ApiKey, AuditChain, AuditEntry, Tenant


def verify(**options: Any) -> str:
    out = StringIO()
    call_command("verify_audit", stdout=out, **options)
    return out.getvalue()


def written(tenant: Tenant | None = None) -> list[tuple[str, str, str]]:
    found = AuditEntry.objects.filter(chain__tenant=tenant).order_by("position")
    return [(entry.actor, entry.action, entry.subject) for entry in found]


def rewrite(sql: str) -> None:
    """Change a row behind the back of the triggers, as whoever owns the database can."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(sql)
            cursor.execute("SET session_replication_role = DEFAULT")
        else:
            cursor.execute("DROP TRIGGER metering_auditentry_update")
            cursor.execute("DROP TRIGGER metering_auditentry_delete")
            cursor.execute(sql)


def test_a_key_made_and_revoked_is_in_the_log_of_its_tenant(tenant: Tenant) -> None:
    with acting("user alice"):
        key = create_api_key(tenant, ["ingest"])
    api_key = ApiKey.objects.get(tenant=tenant)
    with acting("command revoke_api_key"):
        revoke_api_key(api_key)
        revoke_api_key(api_key)  # the second time nothing happens, so nothing is said
    assert written(tenant) == [
        ("user alice", "api_key.created", api_key.hint),
        ("command revoke_api_key", "api_key.revoked", api_key.hint),
    ]
    assert not any(key in str(entry.details) for entry in AuditEntry.objects.all())


def test_an_act_that_is_undone_leaves_no_entry(tenant: Tenant) -> None:
    with transaction.atomic():
        create_api_key(tenant)
        transaction.set_rollback(True)
    assert written(tenant) == []


@pytest.mark.parametrize(
    "sql", ["UPDATE metering_auditentry SET actor = 'nobody'", "DELETE FROM metering_auditentry"]
)
def test_the_database_refuses_to_change_an_entry(tenant: Tenant, sql: str) -> None:
    audit.record("thing.done", "it", tenant)
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("UPDATE metering_auditentry SET subject = 'x' WHERE position = 2", "entry 2 was changed"),
        ("DELETE FROM metering_auditentry WHERE position = 2", "entry 2 is missing"),
        (
            "DELETE FROM metering_auditentry WHERE position = 3",
            "it ends with entry 2, but 3 were written",
        ),
    ],
)
def test_what_was_changed_past_the_database_is_found(tenant: Tenant, sql: str, fault: str) -> None:
    for n in range(3):
        audit.record("thing.done", f"thing {n}", tenant, colour="red")
    assert f"tenant {tenant.pk}:3:" in verify(tenant=tenant.slug)
    rewrite(sql)
    with pytest.raises(CommandError, match=fault):
        verify(tenant=tenant.slug)


def test_a_head_that_was_kept_shows_that_the_end_was_rewritten(tenant: Tenant) -> None:
    for n in range(2):
        audit.record("thing.done", f"thing {n}", tenant)
    head = verify(tenant=tenant.slug).strip()
    assert verify(tenant=tenant.slug, head=[head]).strip() == head
    first = AuditEntry.objects.get(chain__tenant=tenant, position=1)
    rewrite("DELETE FROM metering_auditentry WHERE position = 2")
    AuditChain.objects.filter(tenant=tenant).update(length=1, head=first.digest)
    assert verify(tenant=tenant.slug)
    with pytest.raises(CommandError, match="entry 2 is not the one that was there"):
        verify(tenant=tenant.slug, head=[head])


def test_many_acts_at_once_go_to_the_chains_of_their_tenants(
    make_tenant: Callable[..., Tenant],
) -> None:
    one, two = make_tenant(), make_tenant()
    audit.record_all(audit.Act("a", str(n), one if n % 3 else two) for n in range(9))
    audit.record("b", "of nobody")
    assert [subject for _, _, subject in written(one)] == ["1", "2", "4", "5", "7", "8"]
    assert [subject for _, _, subject in written(two)] == ["0", "3", "6"]
    assert written()[-1] == ("system", "b", "of nobody")
    assert verify().count(":") == 6


@pytest.mark.skipif(
    connection.vendor == "sqlite", reason="threads share one SQLite in memory, which never waits"
)
@pytest.mark.django_db(transaction=True)
def test_ten_threads_at_once_make_one_chain(make_tenant: Callable[..., Tenant]) -> None:
    tenant = make_tenant()

    def write(n: int) -> None:
        try:
            for m in range(5):
                audit.record("thing.done", f"{n}.{m}", tenant)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(write, range(10)))
    assert len({subject for _, _, subject in written(tenant)}) == 50
    assert f"tenant {tenant.pk}:50:" in verify(tenant=tenant.slug)


def test_processes_at_once_make_one_chain(tmp_path: Path) -> None:
    def manage(*words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), *words],
            env=os.environ
            | {"DATA_DIR": str(tmp_path), "DATABASE_URL": f"sqlite:///{tmp_path / 'own.sqlite3'}"},
            text=True,
            stdout=subprocess.PIPE,
        )

    manage("create_tenant", "acme").communicate(timeout=60)
    for process in [manage("create_api_key", "--tenant", "acme") for _ in range(4)]:
        process.communicate(timeout=60)
    checked, _ = manage("verify_audit", "--tenant", "acme").communicate(timeout=60)
    assert checked.startswith("tenant 1:5:")  # it was made, too


def test_a_task_acts_under_its_name() -> None:
    @app.task(name="tests.look")
    def look() -> str:
        return current_actor()

    assert look() == "task look"
    assert current_actor() == "system"


def test_a_request_acts_by_key_or_by_log_in(
    tenant: Tenant, client: Client, send: Any, event: Any
) -> None:
    send(tenant, [event.tokens("2026-10-01T00:00:00Z", inputTokens=1)])
    key = create_api_key(tenant)
    [entry] = Entries(tenant=tenant.pk).page(1)
    dropped = client.delete(
        f"/api/v1/quarantine/{entry.reference}?reason=misspelt",
        headers={"Authorization": f"Bearer {key}"},
    )
    assert dropped.status_code == 204, dropped.content
    assert written(tenant)[-1] == (f"key {key[:10]}", "quarantine.dropped", str(entry.reference))
    User.objects.create_user("frank", password="a long enough secret")
    client.post("/login/", {"username": "frank", "password": "a long enough secret"})
    assert written()[-1] == ("user frank", "session.started", "frank")
