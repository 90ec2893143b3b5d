"""The same installation on PostgreSQL, Redis and RabbitMQ, as in production."""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import kombu
import psycopg
import pytest
import redis

from metering.bench.installation import Installation, running_installation

pytestmark = pytest.mark.services

POSTGRES = os.environ.get("TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")
REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/7")
RABBITMQ = os.environ.get("TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")
_TICK = {"ROLLUP_EVERY_SECONDS": "1"}


def _need(url: str) -> None:
    """Skip, outside of CI, where nothing answers at the address."""
    parts = urlsplit(url)
    with closing(socket.socket()) as probe:
        reached = probe.connect_ex((parts.hostname, parts.port)) == 0
    if not reached and not os.environ.get("CI"):
        pytest.skip(f"nothing answers at {parts.hostname}:{parts.port} ({parts.scheme})")


@pytest.fixture
def database() -> Iterator[str]:
    """A PostgreSQL database of its own."""
    _need(POSTGRES)
    name = f"daybook_test_{os.getpid()}"
    with psycopg.connect(POSTGRES, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        yield urlsplit(POSTGRES)._replace(path=f"/{name}").geturl()
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def redis_broker() -> Iterator[str]:
    _need(REDIS)
    with redis.Redis.from_url(REDIS) as client:
        client.flushdb()
        yield REDIS
        client.flushdb()


@pytest.fixture
def rabbitmq_broker() -> Iterator[str]:
    _need(RABBITMQ)
    yield RABBITMQ
    with kombu.Connection(RABBITMQ) as connection, connection.channel() as channel:
        channel.queue_delete("celery")  # type: ignore[attr-defined]


@pytest.mark.slow
def test_postgres_and_redis(database: str, redis_broker: str) -> None:
    with running_installation(
        DATABASE_URL=database, CELERY_BROKER_URL=redis_broker, **_TICK
    ) as installation:
        _an_event_comes_out_of_the_rollup(installation)


@pytest.mark.slow
def test_rabbitmq(rabbitmq_broker: str) -> None:
    with running_installation(CELERY_BROKER_URL=rabbitmq_broker, **_TICK) as installation:
        _an_event_comes_out_of_the_rollup(installation)


def test_no_broker_at_all() -> None:
    with running_installation(**_TICK) as installation:
        _an_event_comes_out_of_the_rollup(installation)


def _an_event_comes_out_of_the_rollup(installation: Installation) -> None:
    """Web, beat and worker each did their part when the efficiency knows the call."""
    key = installation.make_key("acme")
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": "test",
        "type": "agent.tokens",
        "subject": "ada",
        "time": "2026-10-01T12:00:00Z",
        "data": {"model": "m", "input_tokens": 7},
    }
    status, _ = _ask(installation, key, "POST", "/api/v1/events", event)
    assert status == 204
    deadline = time.monotonic() + 30
    path = "/api/v1/efficiency?from=2026-10-01&to=2026-10-02"
    while _ask(installation, key, "GET", path)[1]["rows"][0]["requests"] != 1:
        assert time.monotonic() < deadline, "the worker did not roll up"
        time.sleep(0.3)


def _ask(
    installation: Installation, key: str, method: str, path: str, body: object = None
) -> tuple[int, dict[str, list[dict[str, object]]]]:
    with closing(HTTPConnection("127.0.0.1", installation.port, timeout=30)) as web:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        web.request(method, path, json.dumps(body) if body else None, headers)
        answer = web.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else {}
