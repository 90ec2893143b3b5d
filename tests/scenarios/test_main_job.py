"""From a trace to an invoice, through the commands, in installations of their own."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
from django.conf import settings

from metering.bench.installation import Installation, running_installation
from metering.clickhouse.embedded import launch

CONFIGURATION = Path(__file__).parent / "main_job.yaml"
Shared = Callable[[str], Path]


@pytest.fixture
def trace(shared: Shared) -> Path:
    return shared("traces") / "mooncake_conversation.jsonl"


def _shuffled(trace: Path, folder: Path) -> Path:
    lines = trace.read_text().splitlines()
    random.Random(5).shuffle(lines)
    path = folder / "shuffled.jsonl"
    path.write_text("\n".join(lines))
    return path


def _invoice(folder: Path, *traces: Path) -> tuple[str, str, str]:
    """Exported lines, exported invoices and the verdict, of an installation made from nothing."""
    installation = Installation(0, folder)
    try:
        installation.manage("migrate", "-v0")
        installation.manage("apply", str(CONFIGURATION))
        for trace in traces:
            installation.manage("replay", str(trace), "--format", "mooncake", "--tenant", "moon")
        installation.manage("rollup")
        installation.manage("close_month", "2026-10", "--tenant", "moon", "--finalize")
        lines = installation.manage("export", "lines", "--period", "2026-10")
        invoices = installation.manage("export", "invoices", "--period", "2026-10")
        return lines, invoices, installation.manage("verify_invoice", "INV-2026-000001")
    finally:
        launch.stop(folder / "clickhouse")


@pytest.mark.slow
def test_the_month_of_the_trace_is_invoiced_the_same_from_shuffled_lines(
    trace: Path, tmp_path: Path
) -> None:
    shuffled = _shuffled(trace, tmp_path)
    lines, invoices, verdict = _invoice(tmp_path / "one", trace, shuffled)
    # 100,000,000 × 0.000002 + 44,793,823 × 0.0000015 = 200.00 + 67.19 (67.1907345)
    assert "200.00" in lines
    assert "67.19" in lines
    # 4,122,048 output tokens are 5 started millions at 8 = 40.00
    assert "40.00" in lines
    # 50 agents delivered on one day: 50 × 0.05 = 2.50; 12,031 outcomes × 0.008 = 96.248 → 96.25
    assert "2.50" in lines
    assert "96.25" in lines
    # 200.00 + 67.19 + 40.00 + 2.50 + 96.25 = 405.94; tax 10 % = 40.594 → 40.59; total 446.53
    assert "405.94" in invoices
    assert "446.53" in invoices
    assert "INV-2026-000001" in verdict
    assert _invoice(tmp_path / "other", shuffled)[:2] == (lines, invoices)


@pytest.mark.slow
def test_kills_during_a_replay_lose_nothing_and_count_nothing_twice(trace: Path) -> None:
    with running_installation() as installation:
        installation.manage("apply", str(CONFIGURATION))
        replay = ("replay", str(trace), "--format", "mooncake", "--tenant", "moon")
        process = _start(installation, *replay)
        time.sleep(1.2)  # some batches are in, others are not
        _kill_store_and_web(installation)
        assert process.wait(120) == 0
        assert "0 stored, 24062 there already" in installation.manage(*replay)
        installation.manage("rollup")
        row = _efficiency(installation)
    assert row["requests"] == 12_031
    assert row["prompt_tokens"] == 144_793_823
    assert row["output_tokens"] == 4_122_048
    assert row["repeated_tokens"] == 54_098_411
    assert str(row["repeated_share"]).startswith("0.37362")


def _start(installation: Installation, *arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env=installation.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _kill_store_and_web(installation: Installation) -> None:
    store = launch.running_pid(installation.data_dir / "clickhouse")
    web = _web_pid(installation.port)
    assert store is not None
    os.kill(store, signal.SIGKILL)
    os.kill(web, signal.SIGKILL)


def _web_pid(port: int) -> int:
    """The oldest process with the web server's command line."""
    bound = f"--bind=127.0.0.1:{port}".encode()
    pids = [
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if bound in _read(path)
    ]
    return min(pids)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it ended while we looked
        return b""


def _efficiency(installation: Installation) -> dict[str, object]:
    key = installation.manage("create_api_key", "--tenant", "moon").splitlines()[-1]
    deadline = time.monotonic() + 30
    while True:
        try:
            return _row(installation.port, key)
        except OSError:  # the web server is on its way back
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _row(port: int, key: str) -> dict[str, object]:
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as web:
        web.request(
            "GET",
            "/api/v1/efficiency?from=2026-10-01&to=2026-11-01",
            headers={"Authorization": f"Bearer {key}"},
        )
        [row] = json.load(web.getresponse())["rows"]
    return dict(row)
