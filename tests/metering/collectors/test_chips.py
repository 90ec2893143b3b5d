"""Chip telemetry: DCGM's scrapes and OpenCost's allocations into chip-seconds."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from metering import queries
from metering.collectors import dcgm, opencost
from metering.collectors.chips import ChipError, chip_name
from metering.models import Tenant
from metering.tasks import collect_chips
from metering.usage.period import month_period
from tests.metering.conftest import Exporter

OCTOBER = month_period("2026-10", "UTC")
START = datetime(2026, 10, 5, 12, tzinfo=UTC)


def sample(pod: str, uuid: str = "GPU-1", millis: int | None = None, **labels: str) -> str:
    known = {"gpu": "0", "UUID": uuid, "modelName": "NVIDIA H100 PCIe", "Hostname": "node-1"}
    known |= {"namespace": "ml", "pod": pod, "container": "main"} | labels
    text = ",".join(f'{name}="{value}"' for name, value in known.items())
    return f"DCGM_FI_DEV_GPU_UTIL{{{text}}} 42" + (f" {millis}" if millis is not None else "")


def at(seconds: int) -> int:
    return int((START + timedelta(seconds=seconds)).timestamp() * 1000)


def held(text: str) -> list[tuple[str, str, int]]:
    """(agent, chip, seconds) of each interval."""
    found = [json.loads(event) for event in dcgm.events(dcgm.read_scrapes(text))]
    return [
        (
            event["subject"],
            event["data"]["chip"],
            round(
                (
                    datetime.fromisoformat(event["data"]["ended_at"])
                    - datetime.fromisoformat(event["data"]["started_at"])
                ).total_seconds()
            ),
        )
        for event in found
    ]


H100 = "nvidia-h100-pcie"
SCRAPES: dict[str, tuple[list[str], list[tuple[str, str, int]]]] = {
    "held in two scrapes": (
        [sample("a", millis=at(0)), sample("a", millis=at(30))],
        [("ml/a", H100, 30)],
    ),
    "two series of a device are one": (
        [sample("a", millis=at(t), container=c) for t in (0, 30) for c in ("main", "side")],
        [("ml/a", H100, 30)],
    ),
    # 30 s by a, then by b; nobody between the second scrape and the third of them.
    "handed on": (
        [sample(pod, millis=at(t)) for pod, t in (("a", 0), ("a", 30), ("b", 60), ("b", 75))],
        [("ml/a", H100, 30), ("ml/b", H100, 15)],
    ),
    "two devices": (
        [sample("a", uuid=u, millis=at(t)) for t in (0, 10) for u in ("GPU-1", "GPU-2")],
        [("ml/a", H100, 10), ("ml/a", H100, 10)],
    ),
    "nobody's": ([sample("", millis=at(0)), sample("", millis=at(30))], []),
    "once": ([sample("a", millis=at(0))], []),
    "too far apart": ([sample("a", millis=at(0)), sample("a", millis=at(901))], []),
    "renamed by Prometheus": (
        [sample("exporter", millis=at(t), exported_pod="a") for t in (0, 5)],
        [("ml/a", H100, 5)],
    ),
    "a slice": (
        [sample("a", millis=at(t), GPU_I_PROFILE="1g.10gb", GPU_I_ID="7") for t in (0, 5)],
        [("ml/a", "nvidia-h100-pcie-mig-1g.10gb", 5)],
    ),
}


@pytest.mark.parametrize("name", SCRAPES)
def test_a_chip_is_held_from_one_scrape_to_the_next(name: str) -> None:
    lines, expected = SCRAPES[name]
    assert held("# HELP x\n" + "\n".join(lines) + "\nother_metric 5\n") == expected


@pytest.mark.parametrize("text", ["", "nonsense", sample("a")])
def test_a_file_without_timed_samples_is_refused(text: str) -> None:
    with pytest.raises(ChipError):
        dcgm.read_scrapes(text)


@given(
    text=st.text() | st.lists(st.sampled_from(["DCGM_X{", 'UUID="', "}", " 5", "\n"])).map("".join)
)
def test_no_text_breaks_the_reader(text: str) -> None:
    assert len(dcgm.read_scrapes(text, START)) >= 1


def allocation(**fields: Any) -> dict[str, Any]:
    return {
        "name": "cluster/ml/agent",
        "properties": {"cluster": "c1", "namespace": "ml", "controller": "agent"},
        "window": {"start": "2026-10-05T00:00:00Z", "end": "2026-10-06T00:00:00Z"},
        "start": "2026-10-05T12:00:00Z",
        "end": "2026-10-05T14:00:00Z",
        "gpuCount": 2,
        "gpuHours": 3,
        "totalCost": 1.5,
    } | fields


def costs(*found: dict[str, Any]) -> bytes:
    data = [{item["name"]: item for item in found}, None]
    return json.dumps({"code": 200, "data": data}).encode()


ALLOCATIONS: dict[str, tuple[dict[str, Any], tuple[str, str, str, str]]] = {
    # 3 hours of 2 chips: an hour and a half
    "count and hours": ({}, ("ml/agent", "gpu", "2", "2026-10-05T13:30:00Z")),
    # 3 hours over the two hours of the allocation: 1.5 chips
    "no count": ({"gpuCount": 0}, ("ml/agent", "gpu", "1.5", "2026-10-05T14:00:00Z")),
    "a model and a label": (
        {
            "gpuAllocation": {"gpuModel": "Tesla T4"},
            "properties": {"cluster": "c1", "labels": {"agent": "ada"}},
        },
        ("ada", "tesla-t4", "2", "2026-10-05T13:30:00Z"),
    ),
    "parts": (
        {"gpuCount": 0.5, "gpuHours": 0.1},
        ("ml/agent", "gpu", "0.5", "2026-10-05T12:12:00Z"),
    ),
}


@pytest.mark.parametrize("name", ALLOCATIONS)
def test_an_allocation_is_one_interval_of_its_gpu_hours(name: str) -> None:
    fields, (agent, chip, count, ended_at) = ALLOCATIONS[name]
    [raw] = opencost.events(costs(allocation(**fields)), START + timedelta(days=1))
    event = json.loads(raw)
    data = event["data"]
    assert (event["subject"], data["chip"], data["ended_at"]) == (agent, chip, ended_at)
    assert Decimal(data["count"]) == Decimal(count)
    assert event["source"] == "opencost/c1"


@pytest.mark.parametrize(
    "fields",
    [{"gpuHours": 0}, {"name": "__idle__"}, {"name": "c/__unallocated__"}],
)
def test_what_is_nobodys_is_left_out(fields: dict[str, Any]) -> None:
    assert not list(opencost.events(costs(allocation(**fields)), START + timedelta(days=1)))


def test_a_window_that_is_not_over_waits() -> None:
    body = costs(allocation())
    assert not list(opencost.events(body, datetime(2026, 10, 5, 23, tzinfo=UTC)))
    assert len(list(opencost.events(body, datetime(2026, 10, 6, tzinfo=UTC)))) == 1


WRONG: list[dict[str, Any]] = [
    {"gpuHours": -1},
    {"gpuCount": -1},
    {"gpuHours": 1e300},
    {"gpuCount": 1e-30},
    {"gpuCount": 0, "end": "2026-10-05T12:00:00Z"},
    {"start": "2026-10-05T12:00:00"},
    {"start": "yesterday"},
    {"gpuHours": "many"},
    {"gpuHours": "NaN"},
    {"gpuCount": "NaN"},
    {"gpuCount": "0.000000000000000001"},
    {"end": "2026-10-05T12:00:00"},
]


@pytest.mark.parametrize("fields", WRONG)
def test_an_allocation_that_cannot_be_right_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ChipError):
        list(opencost.events(costs(allocation(**fields)), START + timedelta(days=1)))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"data": 5}', b"\xff", b'{"data":[' * 9999])
def test_another_body_is_refused(body: bytes) -> None:
    with pytest.raises(ChipError):
        list(opencost.events(body, START))


@pytest.mark.parametrize(
    ("model", "name"),
    [("NVIDIA A100-SXM4-80GB", "nvidia-a100-sxm4-80gb"), ("", "gpu"), (" / ", "gpu")],
)
def test_names_of_chips(model: str, name: str) -> None:
    assert chip_name(model) == name


def chip_seconds(tenant: Tenant) -> Decimal:
    [row] = queries.usage(tenant, OCTOBER)
    return row.chip_seconds


def test_a_file_is_collected_once(
    tenant: Tenant, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scrapes, allocations = tmp_path / "scrapes", tmp_path / "allocations"
    scrapes.write_text("\n".join(sample("a", millis=at(t)) for t in (0, 30, 60)))
    allocations.write_bytes(costs(allocation()))
    for stored in (2, 0):
        call_command("collect", "dcgm", tenant=tenant.slug, file=scrapes)
        assert f"{stored} stored" in capsys.readouterr().out
    for _ in range(2):
        call_command("collect", "opencost", tenant=tenant.slug, file=allocations, chip="T4")
    # 60 s, and 3 hours
    assert chip_seconds(tenant) == 60 + 3 * 3600


def test_an_exporter_is_asked_again_and_again(tenant: Tenant, exporter: Exporter) -> None:
    url = f"http://127.0.0.1:{exporter.server_port}/metrics"
    exporter.body = "\n".join([sample("a"), sample("b", uuid="GPU-2")]).encode()
    with time_machine.travel(START, tick=False) as clock:
        for seconds in (0, 20, 0, 10):
            clock.shift(seconds)
            collect_chips(tenant.slug, "dcgm", url)
        exporter.body = sample("a").encode()
        clock.shift(30)
        collect_chips(tenant.slug, "dcgm", url)
    # a for 20 + 10 + 30 s, b for 20 + 10 s
    assert chip_seconds(tenant) == 60 + 30


def test_opencost_is_asked(tenant: Tenant, exporter: Exporter) -> None:
    exporter.body = costs(allocation())
    url = f"http://127.0.0.1:{exporter.server_port}/allocation?window=yesterday"
    collect_chips(tenant.slug, "opencost", url)
    assert chip_seconds(tenant) == 3 * 3600


def test_what_cannot_be_fetched_is_one_sentence(
    tenant: Tenant, exporter: Exporter, tmp_path: Path
) -> None:
    here = f"http://127.0.0.1:{exporter.server_port}/"
    secret = tmp_path / "secret"
    secret.write_text(sample("a", millis=at(0)))
    for url in (f"file://{secret}", "ftp://127.0.0.1/", "http://127.0.0.1:1/", "http://[", "x"):
        with pytest.raises(CommandError, match="Nothing was stored"):
            call_command("collect", "dcgm", tenant=tenant.slug, url=url)
    for status in (302, 500):
        exporter.status = status
        with pytest.raises(CommandError, match="does not answer"):
            call_command("collect", "dcgm", tenant=tenant.slug, url=here)
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("collect", "dcgm", tenant=tenant.slug, file=tmp_path / "absent")
