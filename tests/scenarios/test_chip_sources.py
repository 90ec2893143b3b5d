"""A source of chip telemetry in the configuration file is collected by beat and worker."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from metering.bench.installation import Installation, running_installation
from tests.metering.collectors.test_chips import allocation, costs
from tests.metering.conftest import Exporter, exporter

__all__ = ["exporter"]  # a fixture


@pytest.fixture
def installation() -> Iterator[Installation]:
    with running_installation(COLLECT_EVERY_SECONDS="1") as installation:
        yield installation


@pytest.mark.slow
def test_a_configured_source_is_asked_and_billed(
    installation: Installation, exporter: Exporter, tmp_path: Path
) -> None:
    day = {"start": "2026-10-05T00:00:00Z", "end": "2026-10-06T00:00:00Z"}
    exporter.body = costs(allocation(window=day))
    key = installation.make_key("acme")
    source = {"tenant": "acme", "kind": "opencost", "url": exporter.url, "every_seconds": 10}
    file = tmp_path / "configuration.json"
    file.write_text(json.dumps({"chip_sources": [source]}))
    assert "+ chip source opencost" in installation.manage("apply", str(file))
    deadline = time.monotonic() + 40
    # 3 hours of chips
    while usage(installation, key)["chip_seconds"] != "10800":
        assert time.monotonic() < deadline, "beat and worker did not collect"
        time.sleep(0.3)
    while exporter.asked < 2:
        assert time.monotonic() < deadline, "it was asked only once"
        time.sleep(0.3)
    assert usage(installation, key)["chip_seconds"] == "10800"


def usage(installation: Installation, key: str) -> dict[str, Any]:
    with closing(HTTPConnection("127.0.0.1", installation.port, timeout=30)) as web:
        headers = {"Authorization": f"Bearer {key}"}
        web.request("GET", "/api/v1/usage?from=2026-10-01&to=2026-11-01", headers=headers)
        [row] = json.loads(web.getresponse().read())["rows"]
        return dict(row)
