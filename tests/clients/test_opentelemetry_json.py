"""OpenTelemetry's exporters that send JSON, of Python and JavaScript, unchanged.

Against a running installation: the one of JavaScript sends chunks, which no test server reads.
"""

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from metering.bench.installation import Installation, running_installation
from tests.clients.environments import node_environment, python_environment

# Each makes an environment of its own first.
pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
# The agent, its call of 100 tokens of which 30 are audio, its tool and its task.
EXPECTED = [
    ("Ada", "", 0, 0, 1, 1),
    ("Ada", "audio", 0, 30, 0, 0),
    ("Ada", "text", 1, 70, 0, 0),
]


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with running_installation() as installation:
        yield installation


def run(command: Sequence[str | Path], where: Path, installation: Installation, key: str) -> str:
    """Run a client that knows nothing of us but its environment; what it complained of."""
    environment = {
        "PATH": os.environ["PATH"],
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{installation.port}",
        "OTEL_EXPORTER_OTLP_HEADERS": f"Authorization=Bearer%20{key}",
        "OTEL_SERVICE_NAME": "agent-svc",
    }
    done = subprocess.run(
        command, cwd=where, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def used(installation: Installation, key: str) -> list[tuple[Any, ...]]:
    today = datetime.now(UTC).date()
    days = f"from={today - timedelta(days=1)}&to={today + timedelta(days=1)}"
    with closing(HTTPConnection("127.0.0.1", installation.port, timeout=30)) as web:
        headers = {"Authorization": f"Bearer {key}"}
        web.request("GET", f"/api/v1/usage?{days}&group_by=agent,modality", headers=headers)
        rows = json.loads(web.getresponse().read())["rows"]
    names = ("agent", "modality", "requests", "input_tokens", "tool_calls", "tasks")
    return [tuple(row[name] for name in names) for row in rows]


def test_the_json_exporter_of_python(installation: Installation) -> None:
    """It pins a transport that the exporter of protobuf does not want."""
    wanted = "opentelemetry-exporter-otlp-json-http==0.66b1"
    python = python_environment("otlp-json-http-0.66b1", wanted)
    key = installation.make_key("python")
    assert run([python, "-I", HERE / "json_exporter.py"], HERE, installation, key) == ""
    assert used(installation, key) == EXPECTED


def test_the_exporter_of_javascript(installation: Installation) -> None:
    folder = node_environment(
        "js-exporter-0.223.0",
        "@opentelemetry/api@1.9.0",
        "@opentelemetry/exporter-trace-otlp-http@0.223.0",
        "@opentelemetry/sdk-trace-node@2.12.0",
    )
    key = installation.make_key("javascript")
    assert run(["node", HERE / "json_exporter.mjs"], folder, installation, key) == ""
    assert used(installation, key) == EXPECTED
