"""What an operator can mend is one clear sentence and a non-zero exit, never a traceback."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings

from metering.clickhouse.embedded import launch

Manage = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def manage(tmp_path: Path) -> Iterator[Manage]:
    """Run a command on an installation of its own; settings by keyword."""
    folder = tmp_path / "data"

    def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=settings.BASE_DIR,
            env=os.environ | {"DATA_DIR": str(folder)} | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    yield run
    launch.stop(folder / "clickhouse")


def _sentence(done: "subprocess.CompletedProcess[str]") -> str:
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    [sentence] = [line for line in done.stderr.splitlines() if line.strip()]
    return sentence


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_any_command_may_be_the_first_of_a_new_installation(manage: Manage) -> None:
    assert manage("create_tenant", "acme").returncode == 0
    key = manage("create_api_key", "--tenant", "acme", "--scope", "ingest")
    assert key.stdout.splitlines()[-1].startswith("dbk_")
    assert "rolled up 0 hours" in manage("rollup").stdout


def test_a_port_in_use(manage: Manage) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = str(listening.getsockname()[1])
        assert f"port {port} on 127.0.0.1 cannot be used" in _sentence(manage("up", "--port", port))


@pytest.mark.parametrize("command", [("up",), ("create_tenant", "acme"), ("rollup",)])
def test_a_folder_that_cannot_be_written(
    manage: Manage, tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "file").touch()
    done = manage(*command, DATA_DIR=str(tmp_path / "file" / "data"))
    assert "cannot be written" in _sentence(done)


def test_an_unknown_tenant(manage: Manage, tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    trace.touch()
    done = manage("replay", str(trace), "--format", "mooncake", "--tenant", "nobody")
    assert "there is no tenant 'nobody'" in _sentence(done)


def test_a_malformed_line_is_named_and_nothing_is_stored(manage: Manage, tmp_path: Path) -> None:
    good = '{"timestamp": 0, "input_length": 5, "output_length": 1, "hash_ids": [1]}\n'
    trace = tmp_path / "trace.jsonl"
    trace.write_text(good + '{"timestamp": 1, "input_length": "five"}\n')
    manage("create_tenant", "acme")
    replay = ("replay", str(trace), "--format", "mooncake", "--tenant", "acme")
    sentence = _sentence(manage(*replay))
    assert "line 2" in sentence
    assert "input_length" in sentence
    trace.write_text(good)
    assert "2 events: 2 stored, 0 there already" in manage(*replay).stdout


def test_a_store_that_is_down(manage: Manage) -> None:
    manage("create_tenant", "acme")
    url = f"clickhouse://default@127.0.0.1:{_closed_port()}/default"
    assert "the event store does not answer" in _sentence(manage("rollup", CLICKHOUSE_URL=url))


def test_a_setting_that_makes_no_sense(manage: Manage) -> None:
    done = manage("rollup", CLICKHOUSE_URL="http://localhost")
    assert done.returncode != 0
    assert "CLICKHOUSE_URL must look like clickhouse://" in done.stderr
