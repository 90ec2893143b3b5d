"""What the tests of metering share: a store that is down."""

import socket
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from metering.clickhouse import connection


@pytest.fixture
def store_down(settings: Settings) -> Iterator[None]:
    """CLICKHOUSE_URL points where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        settings.CLICKHOUSE_URL = f"clickhouse://default@127.0.0.1:{taken.getsockname()[1]}/default"
        connection.disconnect()
        connection.forget_url()
        yield
    connection.disconnect()
    connection.forget_url()
