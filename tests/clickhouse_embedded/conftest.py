"""A real embedded server for each worker, and clickhouse-driver to speak to it."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from clickhouse_driver import Client

from metering.clickhouse.embedded import launch

Connect = Callable[..., Client]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of this worker's shared server."""
    return tmp_path_factory.mktemp("embedded") / "clickhouse"


@pytest.fixture(scope="session")
def url(folder: Path) -> Iterator[str]:
    address = launch.ensure_running(folder)
    lease = Client.from_url(address)
    lease.execute("SELECT 1")
    yield address
    lease.disconnect()
    launch.stop(folder)


@pytest.fixture
def connect(url: str) -> Iterator[Connect]:
    """Opens any number of clients, and closes them after the test."""
    clients: list[Client] = []

    def open_client(address: str = url, **options: Any) -> Client:
        query = "&".join(f"{name}={value}" for name, value in options.items())
        clients.append(Client.from_url(f"{address}?{query}"))
        return clients[-1]

    yield open_client
    for client in clients:
        client.disconnect()


@pytest.fixture
def client(connect: Connect) -> Client:
    return connect()


_numbers = itertools.count(1)


@pytest.fixture
def table(client: Client) -> Iterator[str]:
    """The name of a table that is dropped after the test."""
    name = f"t{next(_numbers)}"
    yield name
    client.execute(f"DROP TABLE IF EXISTS {name}")
