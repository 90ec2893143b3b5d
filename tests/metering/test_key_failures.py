"""Many unknown keys from one address are told to wait; a live key from there is served."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.test import Client

from metering.api_keys import create_api_key
from metering.key_failures import MOST
from metering.models import Tenant


@pytest.fixture(autouse=True)
def counted_from_zero() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def ask(client: Client, key: str) -> int:
    return client.get("/api/v1/usage", headers={"Authorization": f"Bearer {key}"}).status_code


def send(client: Client, key: str) -> tuple[int, str | None]:
    headers = {"Authorization": f"Bearer {key}"}
    answer = client.post("/api/v1/events", "{}", "application/json", headers=headers)
    return answer.status_code, answer.headers.get("Retry-After")


def test_guessing_is_slowed_and_nobody_else_notices(client: Client, tenant: Tenant) -> None:
    key = create_api_key(tenant)
    assert {ask(client, f"guess-{n}") for n in range(MOST - 1)} == {401}
    assert send(client, "one more") == (401, None)
    assert ask(client, "another") == 429
    status, retry_after = send(client, "and another")
    assert status == 429
    assert retry_after is not None
    assert ask(client, key) == 200
    assert ask(Client(REMOTE_ADDR="127.0.0.9"), "from elsewhere") == 401
