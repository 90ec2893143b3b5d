"""What tenants are told arrives, signed, once; or it is tried again, and given up at last."""

import hashlib
import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.management import call_command

from metering.alerts import settle
from metering.models import Tenant
from metering.notices.deliver import MOST_ATTEMPTS, deliver_due
from metering.notices.models import AlertChannel, Delivery
from metering.notices.queue import Told, tell
from metering.notices.webhook import signature
from metering.usage.alert import HitRate

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
TOLD = Told(key="k1", kind="test.kind", subject="A subject", text="A text.", data={"n": "1.50"})


class Receiver(HTTPServer):
    """Answers as it is told to, and keeps what came."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer, self.got = 204, list[tuple[dict[str, str], bytes]]()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook?a=b"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), body))
        self.send_response(self.server.answer)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def ada(db: None) -> Tenant:
    return Tenant.objects.create(slug="ada", name="Ada")


@pytest.fixture
def channel(ada: Tenant, receiver: Receiver) -> AlertChannel:
    return AlertChannel.objects.create(tenant=ada, kind="webhook", address=receiver.url)


def test_a_signature_is_that_of_the_specification() -> None:
    # Computed by hand: HMAC-SHA256, keyed with "secret", over the three parts and their dots.
    secret = "whsec_" + b64encode(b"secret").decode()
    by_hand = hmac.new(b"secret", b'msg_1.1700000000.{"a":1}', hashlib.sha256).digest()
    assert (
        signature(secret, "msg_1", 1_700_000_000, b'{"a":1}') == f"v1,{b64encode(by_hand).decode()}"
    )


def test_a_post_is_signed_and_sent_once(
    ada: Tenant, channel: AlertChannel, receiver: Receiver
) -> None:
    tell(ada, TOLD)
    tell(ada, TOLD)
    assert [deliver_due(), deliver_due()] == [1, 0]
    [(headers, body)] = receiver.got
    assert json.loads(body)["data"] == {"tenant": "ada", "subject": "A subject", "n": "1.50"}
    assert json.loads(body)["type"] == "test.kind"
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = b64decode(channel.secret.removeprefix("whsec_"))
    expected = b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


@pytest.mark.parametrize("status", [302, 404, 500])
def test_what_is_not_accepted_is_sent_again_with_the_same_id_and_bytes(
    ada: Tenant, channel: AlertChannel, receiver: Receiver, status: int
) -> None:
    receiver.answer = status
    with time_machine.travel(START, tick=False) as clock:
        tell(ada, TOLD)
        assert deliver_due() == 0
        assert Delivery.objects.get().last_error == f"it answered {status}"
        clock.shift(timedelta(seconds=59))
        assert deliver_due() == 0
        assert len(receiver.got) == 1
        clock.shift(timedelta(seconds=1))
        receiver.answer = 200
        assert deliver_due() == 1
    (first, body), (second, again) = receiver.got
    assert (first["webhook-id"], body) == (second["webhook-id"], again)


def test_what_never_arrives_is_given_up_and_shown(
    ada: Tenant, channel: AlertChannel, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    AlertChannel.objects.update(address="http://127.0.0.1:1/")
    with time_machine.travel(START, tick=False) as clock:
        tell(ada, TOLD)
        for _ in range(MOST_ATTEMPTS + 2):
            deliver_due()
            clock.shift(timedelta(hours=6))
    delivery = Delivery.objects.get()
    assert (delivery.attempts, delivery.due_at) == (MOST_ATTEMPTS, None)
    call_command("alert_channels")
    shown = capsys.readouterr().out
    assert "1 did not arrive, the last one: it could not be reached" in shown


def test_mail_goes_to_the_address_and_waits_for_a_server(ada: Tenant, settings: Any) -> None:
    AlertChannel.objects.create(tenant=ada, kind="email", address="ops@ada.example")
    tell(ada, TOLD)
    settings.EMAIL_URL = ""
    assert deliver_due() == 0
    assert Delivery.objects.get().last_error == "EMAIL_URL is not set, so no mail can be sent"
    settings.EMAIL_URL = "smtp://there"
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=1)):
        assert deliver_due() == 1
    [sent] = mail.outbox
    assert (sent.to, sent.subject, sent.body) == (["ops@ada.example"], "A subject", "A text.")


def test_a_low_hit_rate_is_told_when_it_fires_and_when_it_ends(
    ada: Tenant, channel: AlertChannel, receiver: Receiver
) -> None:
    settle(ada, HitRate(100, 1000, 600), START)
    settle(ada, HitRate(100, 1000, 600), START + timedelta(minutes=5))
    settle(ada, HitRate(100, 1000, 800), START + timedelta(minutes=10))
    deliver_due()
    assert [json.loads(body)["type"] for _, body in receiver.got] == [
        "hit_rate.fired",
        "hit_rate.cleared",
    ]


def test_another_tenant_is_told_nothing(ada: Tenant, receiver: Receiver) -> None:
    bob = Tenant.objects.create(slug="bob", name="Bob")
    AlertChannel.objects.create(tenant=bob, kind="webhook", address=receiver.url)
    tell(ada, TOLD)
    assert (deliver_due(), receiver.got) == (0, [])
