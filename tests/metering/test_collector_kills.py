"""A process that ends while it takes in what a collector reads: sent again, it counts once."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client

from metering import ingest, intake, queries
from metering.clickhouse.embedded import launch
from metering.clickhouse.quarantine import conflicts
from metering.collectors import event_files
from metering.group_commit import committer
from metering.management.commands import replay
from metering.models import Tenant
from metering.usage.period import month_period
from tests.metering.test_otlp_kills import Killed

OCTOBER = month_period("2026-10", "UTC")
AT = 1_790_899_200  # 2026-10-02T00:00:00Z
Api = Callable[[Tenant], Client]

STEPS = [
    (ingest, "quarantine"),
    (committer, "commit"),
    (intake, "record_conflicts"),
    (intake, "record"),
]


@contextlib.contextmanager
def killed(place: Any, step: str, when: str, nth: int = 1) -> Iterator[None]:
    """The process ends before or after the nth time it comes to a step."""
    real, reached = getattr(place, step), []

    def dying(*arguments: Any) -> Any:
        reached.append(step)
        if len(reached) != nth:
            return real(*arguments)
        if when == "after":
            real(*arguments)
        raise Killed

    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Killed):
        patch.setattr(place, step, dying)
        yield
    assert len(reached) == nth, "it never came to this step"


def each_step(test: Any) -> Any:
    for_steps = pytest.mark.parametrize("step", STEPS, ids=lambda step: step[1])
    return pytest.mark.parametrize("when", ["before", "after"])(for_steps(test))


def custom(tenant: Tenant) -> dict[str, int]:
    """Events by type."""
    return dict(queries.usage_types(tenant, OCTOBER))


def lago(transaction: str, **fields: Any) -> dict[str, Any]:
    return {
        "transaction_id": transaction,
        "external_subscription_id": "sub",
        "code": "calls",
        "timestamp": AT,
        "properties": {"value": 5},
    } | fields


@each_step
def test_a_batch_of_lago(step: tuple[Any, str], when: str, tenant: Tenant, api: Api) -> None:
    """One event is there already with other content, two are new, one cannot be right."""
    client, url = api(tenant), "/api/v1/events/batch"
    first = {"events": [lago("0")]}
    assert client.post(url, json.dumps(first), "application/json").status_code == 200
    changed, wrong = lago("0", properties={"value": 6}), lago("3", properties={"value": -1})
    body = json.dumps({"events": [changed, lago("1"), lago("2"), wrong]})
    with killed(*step, when):
        client.post(url, body, "application/json")
    answer = client.post(url, body, "application/json")
    assert list(answer.json()["error_details"]) == ["3"]
    assert custom(tenant) == {"custom.calls": 3}
    assert len(queries.quarantined(tenant, 10)) == 1
    assert [conflict.id for conflict in conflicts(tenant.pk)] == ["0"]


def payload(call: str, **fields: Any) -> dict[str, Any]:
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "prompt_tokens_details": {"audio_tokens": 30},
    }
    known = {"litellm_call_id": call, "model": "m", "endTime": AT}
    return known | {"metadata": {"usage_object": usage}} | fields


@each_step
def test_an_array_of_litellm(step: tuple[Any, str], when: str, tenant: Tenant, api: Api) -> None:
    """Calls of two modalities; one is there already with another model, one failed."""
    client, url = api(tenant), "/api/v1/litellm"
    client.post(url, json.dumps([payload("0")]), "application/json")
    failed = {"litellm_call_id": "2", "status": "failure", "endTime": AT}
    body = json.dumps([payload("0", model="n"), payload("1"), failed])
    with killed(*step, when):
        client.post(url, body, "application/json")
    assert client.post(url, body, "application/json").status_code == 204
    [row] = queries.usage(tenant, OCTOBER)
    assert (row.requests, row.input_tokens, row.output_tokens) == (2, 200, 40)
    assert queries.unmetered_requests(tenant, OCTOBER) == 1
    assert {conflict.id for conflict in conflicts(tenant.pk)} == {"0", "0/audio"}


def event(number: int) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"e{number}",
        "source": "file",
        "type": "agent.tokens",
        "subject": "ada",
        "time": "2026-10-05T12:00:00Z",
        "data": {"model": "m", "input_tokens": 1},
    }


def parquet(path: Path, count: int) -> Path:
    rows = [event(number) | {"data": json.dumps(event(number)["data"])} for number in range(count)]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    return path


def ndjson(path: Path, count: int) -> Path:
    path.write_text("\n".join(json.dumps(event(number)) for number in range(count)))
    return path


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("write", "nth"), [(parquet, 1), (parquet, 2), (parquet, 3), (ndjson, 2)])
def test_a_file_of_events_between_its_batches(
    write: Callable[[Path, int], Path],
    nth: int,
    when: str,
    tenant: Tenant,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for module in (event_files, replay):
        monkeypatch.setattr(module, "BATCH", 10)
    file = write(tmp_path / f"events.{write.__name__}", 25)
    with killed(replay, "ingest", when, nth):
        call_command("replay", file, format="events", tenant=tenant.slug)
    stored = min(25, 10 * (nth if when == "after" else nth - 1))
    for there in (stored, 25):
        call_command("replay", file, format="events", tenant=tenant.slug)
        assert f"{25 - there} stored, {there} there already" in capsys.readouterr().out
    [row] = queries.usage(tenant, OCTOBER)
    assert (row.requests, row.input_tokens) == (25, 25)


# Runs a command that ends itself, as `kill -9` does, after or before it stores its nth batch.
_DYING = """
import os, signal, sys
import django
django.setup()
from django.core.management import call_command
from metering.group_commit import committer
from metering.management.commands import replay
real, reached, (when, nth, *command) = replay.ingest, [], sys.argv[1:]
def dying(*arguments):
    reached.append(1)
    if when == "after" or len(reached) != int(nth):
        report = real(*arguments)
    if len(reached) == int(nth):
        os.kill(os.getpid(), signal.SIGKILL)
    return report
replay.ingest = dying
call_command(*command)
"""


@pytest.mark.slow
def test_kill_9_of_a_replay_of_a_parquet_file(tmp_path: Path) -> None:
    """In processes of an installation of its own."""
    environment = os.environ | {"DATA_DIR": str(tmp_path / "data")}
    environment["DJANGO_SETTINGS_MODULE"] = "config.settings"
    for name in ("CLICKHOUSE_URL", "CLICKHOUSE_CLUSTER", "DATABASE_URL"):
        environment.pop(name, None)

    def run(*command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, *command],
            cwd=settings.BASE_DIR,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    assert run("manage.py", "create_tenant", "acme").returncode == 0
    count = event_files.BATCH * 2 + 500
    file = str(parquet(tmp_path / "events.parquet", count))
    asked = ("replay", file, "--format", "events", "--tenant", "acme")
    for when, nth in (("after", "1"), ("before", "2")):
        assert run("-c", _DYING, when, nth, *asked).returncode == -signal.SIGKILL
    for known in (event_files.BATCH, count):
        done = run("manage.py", *asked)
        assert f"{count - known} stored, {known} there already" in done.stdout, done.stderr
    launch.stop(tmp_path / "data" / "clickhouse")
