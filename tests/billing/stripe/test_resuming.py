"""A push that is cut short anywhere, or that Stripe refuses for now, ends as one that was not."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from billing.models import Invoice
from billing.stripe_sync import gateway as gateway_module
from billing.stripe_sync import outbox, worker
from billing.stripe_sync.queued import MOST_ATTEMPTS, Queued, backoff, claim
from billing.stripe_sync.records import StripeCustomer, StripePush
from metering.models import Tenant
from tests.billing.stripe.fake import FakeStripe

Queue = Callable[..., Invoice]
Work = Callable[[], int]
WRITES = ("customers", "invoices", "invoices/{id}/add_lines", "invoices/{id}/finalize")


class Killed(BaseException):
    """As abrupt as a signal: nothing that catches errors catches it."""


@contextmanager
def killed(nth: int, when: str) -> Iterator[list[str]]:
    """The worker dies before or after its nth call to Stripe of any kind, or noting of one."""
    real_call, real_note = gateway_module._called, Queued.note
    reached: list[str] = []

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            reached.append(real.__name__)
            last = len(reached) == nth
            if last and when == "before":
                raise Killed
            answer = real(*arguments, **options)
            if last:
                raise Killed
            return answer

        return call

    gateway_module._called = dying(real_call)
    Queued.note = dying(real_note)  # type: ignore[method-assign]
    try:
        yield reached
    except Killed:
        pass
    finally:
        gateway_module._called = real_call
        Queued.note = real_note  # type: ignore[method-assign]


def is_there_once(stripe: FakeStripe, invoice: Invoice) -> None:
    theirs = stripe.one("invoice")
    assert (theirs["status"], theirs["total"], theirs["number"]) == ("open", 10600, invoice.number)
    assert len(stripe.all("line_item")) == 2
    customer = stripe.one("customer")["id"]
    assert StripeCustomer.objects.get().remote_id == customer
    push = StripePush.objects.get()
    assert (push.state, push.remote_id) == ("done", theirs["id"])


def test_killed_between_any_two_steps_it_is_taken_up_and_is_there_once(
    acme: Tenant, make_steps: Callable[[], int], stripe: FakeStripe, queued: Queue, work: Work
) -> None:
    steps = make_steps()
    assert steps == 9
    for nth in range(1, steps + 1):
        for when in ("before", "after"):
            stripe.__dict__.update(FakeStripe().__dict__)
            with transaction.atomic():
                invoice = queued(acme, ["100.00"], "6")
                with killed(nth, when) as reached:
                    work()
                assert len(reached) == nth
                assert StripePush.objects.get().state == "waiting"
                work()
                is_there_once(stripe, invoice)
                transaction.set_rollback(True)


@pytest.fixture
def make_steps(acme: Tenant, queued: Queue, work: Work, stripe: FakeStripe) -> Callable[[], int]:
    """How many steps there are where nothing goes wrong."""

    def count() -> int:
        with transaction.atomic(), killed(10_000, "before") as reached:
            queued(acme, ["100.00"], "6")
            work()
            transaction.set_rollback(True)
        return len(reached)

    return count


@pytest.mark.parametrize("how", ["429", "500", "500-after", "401", "lost"])
@pytest.mark.parametrize("route", [*WRITES, "GET invoices/{id}/lines", "GET invoice_payments"])
def test_whatever_fails_once_is_done_the_next_time(
    acme: Tenant, queued: Queue, work: Work, stripe: FakeStripe, route: str, how: str
) -> None:
    stripe.fail(route, how)
    invoice = queued(acme, ["100.00"], "6")
    work()
    push = StripePush.objects.get()
    assert (push.state, bool(push.last_error)) == ("waiting", True)
    assert push.due_at > timezone.now()
    assert "sk_test_key" not in push.last_error
    work()
    is_there_once(stripe, invoice)


def test_a_key_is_kept_while_nobody_knows_and_changed_once_stripe_has_answered(
    acme: Tenant, queued: Queue, work: Work, stripe: FakeStripe
) -> None:
    stripe.fail("invoices", "lost")
    stripe.fail("invoices/{id}/finalize", "500")
    queued(acme, ["100.00"], "6")
    for _ in range(4):
        work()
    keys: dict[str, list[str]] = {}
    for method, route, key in stripe.calls:
        if method == "POST":
            keys.setdefault(route, []).append(key)
    # Looked for and found after its answer was lost, so asked for once.
    assert len(keys["invoices"]) == 1
    first, second = keys["invoices/{id}/finalize"]
    assert first != second
    identity = StripePush.objects.get().identity
    assert first == f"daybook:{identity}:0:finalize"
    assert second == f"daybook:{identity}:1:finalize"


def test_a_key_makes_one_thing_also_where_its_answer_was_not_seen(
    acme: Tenant, queued: Queue, work: Work, stripe: FakeStripe
) -> None:
    """The list of what is there may lag behind: the key alone then holds."""
    stripe.fail("invoices", "lost")
    invoice = queued(acme, ["100.00"], "6")
    work()
    hidden = stripe.things.pop(stripe.one("invoice")["id"])
    StripePush.objects.update(begun=False)
    work()
    # What it does next with it fails here, for it is hidden; it is the same one, and no second.
    assert StripePush.objects.get().remote_id == hidden["id"]
    assert not stripe.all("invoice")
    stripe.things[hidden["id"]] = hidden
    StripePush.objects.update(state="waiting")
    work()
    is_there_once(stripe, invoice)


def test_too_fast_makes_all_wait_and_as_long_as_stripe_says(
    make_tenant: Callable[..., Tenant], queued: Queue, work: Work, stripe: FakeStripe
) -> None:
    for _ in range(3):
        queued(make_tenant())
    stripe.fail("customers", "429")
    assert work() == 1
    assert len(stripe.calls) == 1
    push = StripePush.objects.get(attempts=1)
    assert 5 < (push.due_at - timezone.now()).total_seconds() <= 7
    assert work() == 3


def test_waits_double_up_to_a_bound_and_are_never_the_same() -> None:
    waits = [[backoff(attempts) for _ in range(50)] for attempts in range(1, 40)]
    for attempts, some in enumerate(waits, start=1):
        most = min(10 * 2**attempts, 6 * 3600)
        assert all(most / 2 <= wait <= most for wait in some)
        assert len(set(some)) > 1


def test_what_fails_too_often_is_dead_and_can_be_tried_again(
    acme: Tenant, queued: Queue, work: Work, stripe: FakeStripe, manage: Callable[..., str]
) -> None:
    stripe.fail("customers", "500", MOST_ATTEMPTS)
    invoice = queued(acme, ["100.00"], "6")
    for _ in range(MOST_ATTEMPTS):
        work()
    said = manage("stripe_outbox", "list")
    assert said.startswith(f"dead {invoice} of acme, 20 attempts")
    assert "APIError: Something went wrong" in said
    assert work() == 0
    assert manage("stripe_outbox", "retry", "--month", "2026-10") == "1 will be tried again\n"
    assert manage("stripe_outbox", "push") == "1 tried, 0 events handled\n"
    is_there_once(stripe, invoice)
    assert manage("stripe_outbox", "list") == ""


def test_a_row_is_claimed_by_one_and_taken_up_when_the_claim_is_over(
    acme: Tenant, queued: Queue, work: Work, stripe: FakeStripe
) -> None:
    queued(acme, ["100.00"], "6")
    first = claim(StripePush)
    assert first is not None
    assert claim(StripePush) is None
    over = first.claimed_until
    assert over is not None
    second = claim(StripePush, over.replace(year=2027))
    assert second is not None
    # The first one was slow, not dead: it finds out, and changes nothing here or there.
    assert worker.work_on(first, gateway_module.Gateway())
    assert stripe.calls == []
    first.finish()
    assert StripePush.objects.get().claim == second.claim


def test_what_is_asked_for_while_it_is_pushed_is_pushed_again(
    acme: Tenant, queued: Queue, work: Work, stripe: FakeStripe
) -> None:
    invoice = queued(acme, ["100.00"], "6")
    row = claim(StripePush)
    assert row is not None
    outbox.queue([invoice])
    worker.work_on(row, gateway_module.Gateway())
    push = StripePush.objects.get()
    assert (push.state, push.claim) == ("waiting", None)
    assert work() == 1
    assert StripePush.objects.get().state == "done"


# Fills the outbox of a database.
_FILL = """
import sys
import django
django.setup()
from django.db import connection, transaction
from billing.stripe_sync import outbox
from metering.models import Tenant
from tests.billing.finalized import finalized_invoice
for n in range(int(sys.argv[1])):
    tenant = Tenant.objects.create(slug=f"t{n}", name=f"T {n}")
    with transaction.atomic():
        outbox.queue([finalized_invoice(tenant, ["100.00"], "6")])
"""
# Runs the worker and ends it, as `kill -9` does, before or after its nth call to Stripe.
_WORK = """
import os, signal, sys
import django
django.setup()
from django.utils import timezone
from billing.stripe_sync import gateway, worker
from billing.stripe_sync.records import StripePush
real, reached, (when, nth) = gateway._called, [], sys.argv[1:]
def dying(call):
    reached.append(1)
    last = len(reached) == int(nth)
    if last and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    answer = real(call)
    if last:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer
gateway._called = dying
worker.push_due(300)
"""
# The leases of the dead are over; says how many are not done.
_LATER = """
import django
django.setup()
from django.utils import timezone
from billing.stripe_sync.records import StripePush
StripePush.objects.filter(state="waiting").update(claimed_until=None, due_at=timezone.now())
print(StripePush.objects.exclude(state="done").count())
"""


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_kill_9_and_several_workers_at_once(stripe: FakeStripe, tmp_path: Path) -> None:
    """Processes of their own on one database: some killed where they stand, others beside them."""
    environment = _environment(tmp_path)

    def start(script: str, *words: object) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-c", script, *map(str, words)],
            cwd=settings.BASE_DIR,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(*processes: "subprocess.Popen[str]", code: int = 0) -> str:
        for process in processes:
            out, err = process.communicate(timeout=120)
            assert process.returncode == code, err
        return out

    if connection.vendor == "sqlite":
        migrate = [sys.executable, "manage.py", "migrate", "-v0"]
        subprocess.run(migrate, cwd=settings.BASE_DIR, env=environment, check=True, timeout=120)
    count = 10
    run(start(_FILL, count))
    stripe.slow = 0.005
    for nth in (1, 3, 4, 6, 7):
        run(start(_WORK, "before", nth), start(_WORK, "after", nth), code=-signal.SIGKILL)
        run(start(_LATER))
    run(*(start(_WORK, "before", 100_000) for _ in range(3)))
    assert run(start(_LATER)) == "0\n"
    assert [theirs["total"] for theirs in stripe.all("invoice")] == [10600] * count
    assert {theirs["status"] for theirs in stripe.all("invoice")} == {"open"}
    assert len(stripe.all("customer")) == count
    assert len(stripe.all("line_item")) == 2 * count
    # Whoever comes second to an invoice comes later.
    assert stripe.together == 1


def _environment(folder: Path) -> dict[str, str]:
    there = connection.settings_dict
    url = f"sqlite:///{folder / 'own.sqlite3'}"
    if connection.vendor == "postgresql":
        url = f"postgres://{there['USER']}@{there['HOST']}:{there['PORT']}/{there['NAME']}"
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATA_DIR": str(settings.DATA_DIR),
        "DATABASE_URL": url,
        "STRIPE_API_KEY": "sk_test_key",
        "STRIPE_API_BASE": settings.STRIPE_API_BASE,
    }
