"""A cluster of two servers, a shard each; as a pytest plugin, the store of every test.

    python -m pytest -p tests.two_shards tests/metering/test_usage_numbers.py

An embedded engine has no queue for statements ON CLUSTER, so they are run on each server in turn;
and while it makes replicated tables, with its own stand-in for Keeper, it leaves them read-only, so
the tables that take rows here are not replicated.
"""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from clickhouse_driver import Client
from clickhouse_driver import errors as driver_errors
from django.conf import settings

from metering.clickhouse import cluster, connection
from tests.cluster_node import PASSWORD

_CONFIG = """
<clickhouse>
  <remote_servers><fleet>{shards}</fleet></remote_servers>
  <zookeeper><implementation>testkeeper</implementation></zookeeper>
  <macros><shard>{number}</shard><replica>only</replica></macros>
</clickhouse>
"""
_SHARD = """
<shard><internal_replication>true</internal_replication><replica>
  <host>127.0.0.1</host><port>{port}</port><user>default</user><password>{password}</password>
</replica></shard>
"""
_REPLICA = re.compile(r"Replicated(\w*MergeTree)\('/clickhouse/tables/[^']*', '{replica}'(?:, )?")
# What the embedded server understands of the protocol between servers: no ZSTD, no scalars.
_SPOKEN = {"network_compression_method": "LZ4", "optimize_const_name_size": -1}


@pytest.fixture(scope="session", autouse=True)
def _every_test_on_two_shards(
    request: pytest.FixtureRequest, data_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    with running_servers(tmp_path_factory.mktemp("cluster")) as urls, the_store_is(urls):
        yield


@contextmanager
def running_servers(folder: Path) -> Iterator[list[str]]:
    """The addresses of two servers that know each other as the cluster `fleet`."""
    ports = _free_ports(2)
    processes = [_start(folder, number, ports) for number in range(2)]
    urls = [f"clickhouse://default:{PASSWORD}@127.0.0.1:{port}/default" for port in ports]
    try:
        with ExitStack() as leases:
            for url in urls:
                leases.enter_context(_connected(url))
            yield urls
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)


def _free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def _start(folder: Path, number: int, ports: list[int]) -> subprocess.Popen[bytes]:
    home = folder / str(number)
    home.mkdir()
    shards = "".join(_SHARD.format(port=port, password=PASSWORD) for port in ports)
    (home / "config.xml").write_text(_CONFIG.format(shards=shards, number=number))
    node = [sys.executable, "-m", "tests.cluster_node"]
    return subprocess.Popen(
        [*node, str(ports[number]), str(home), str(home / "config.xml")], cwd=settings.BASE_DIR
    )


def _connected(url: str) -> Client:
    """A client of a server that has just been started."""
    deadline = time.monotonic() + 60
    while True:
        client = Client.from_url(url)
        try:
            client.execute("SELECT 1")
        except driver_errors.Error:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return client


@contextmanager
def the_store_is(urls: list[str]) -> Iterator[None]:
    """The cluster is what settings name, reached through its first server."""
    run = connection.command

    def run_everywhere(sql: str, params: connection.Params | None = None, **asked: object) -> None:
        here, times = re.subn(" ON CLUSTER 'fleet'", "", sql)
        if not times:
            run(sql, params, **asked)
            return
        for url in urls:
            with Client.from_url(url) as client:
                client.execute(_REPLICA.sub(r"\1(", here), dict(params or {}))

    with pytest.MonkeyPatch.context() as patch:
        for name, value in _SPOKEN.items():
            patch.setitem(cluster.SETTINGS, name, value)
        for module in ("migrate", "rollup", "trace_spans"):
            patch.setattr(f"metering.clickhouse.{module}.command", run_everywhere)
        patch.setattr(settings, "CLICKHOUSE_URL", urls[0])
        patch.setattr(settings, "CLICKHOUSE_CLUSTER", "fleet")
        _reconnect()
        yield
    _reconnect()


def _reconnect() -> None:
    connection.disconnect()
    connection.forget_url()
