"""Against localstripe, a Stripe that others wrote, as a process of its own.

It has customers and signed webhooks. It ignores idempotency keys, so that what is made once is made
once by looking for it. Invoices it makes of subscriptions alone, with no number and no finalizing:
those are for the fake beside this.
"""

import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings
from pytest_django.live_server_helper import LiveServer

from billing.models import Invoice
from billing.stripe_sync.gateway import Gateway
from billing.stripe_sync.records import StripeCustomer, StripeEvent, StripePush
from metering.models import Tenant
from tests.billing.stripe.fake import SECRET
from tests.clients.environments import python_environment

Queue = Callable[..., Invoice]
Work = Callable[[], int]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def localstripe() -> Iterator[str]:
    """Its address, once it answers."""
    python = python_environment("localstripe", "localstripe>=1.15.10,<1.16")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command: list[str | Path] = [
        python.parent / "localstripe",
        "--port",
        str(port),
        "--from-scratch",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 30
        while not _listens(port):
            assert process.poll() is None, "localstripe has ended"
            assert time.monotonic() < until
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return not probe.connect_ex(("127.0.0.1", port))


@pytest.fixture
def settled(localstripe: str, stripe: object, settings: LazySettings) -> str:
    """The product speaks to it."""
    settings.STRIPE_API_BASE = localstripe
    return localstripe


def test_a_customer_is_made_once_and_found_again(
    acme: Tenant, queued: Queue, work: Work, settled: str
) -> None:
    queued(acme)
    work()
    ours = StripeCustomer.objects.get()
    assert ours.remote_id
    assert ours.remote_id.startswith("cus_")
    push = StripePush.objects.get()
    # What it has no idea of is not taken for done.
    assert (push.state != "done", bool(push.last_error), push.remote_id) == (True, True, "")
    # We died before we noted it, and no key helps here: it is found by what it says of itself.
    StripeCustomer.objects.update(remote_id=None)
    StripePush.objects.update(state="waiting")
    work()
    again = StripeCustomer.objects.get()
    assert again.remote_id == ours.remote_id
    mine = [c for c in Gateway().customers() if c.metadata.get("daybook_id") == str(ours.identity)]
    assert [customer.id for customer in mine] == [ours.remote_id]


def announced() -> list[str]:
    """The customers whose making was stored; it also tells of those that earlier tests made."""
    events = StripeEvent.objects.filter(type="customer.created")
    return [event.body["data"]["object"]["id"] for event in events]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("secret", "stored"), [(SECRET, 1), ("whsec_other", 0)])
def test_its_signed_webhooks_are_taken_and_those_of_others_are_not(
    live_server: LiveServer, settled: str, secret: str, stored: int
) -> None:
    hook = {"url": f"{live_server.url}/webhooks/stripe", "secret": secret}
    body = json.dumps(hook).encode()
    headers = {"Content-Type": "application/json"}
    asked = urllib.request.Request(f"{settled}/_config/webhooks/daybook", body, headers)  # noqa: S310
    with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310
        assert answer.status == 200
    made = Gateway().create_customer("any", {"name": "Acme", "metadata": {}})
    until = time.monotonic() + (20 if stored else 4)
    while time.monotonic() < until and made.id not in (found := announced()):
        time.sleep(0.2)
    assert found.count(made.id) == stored
