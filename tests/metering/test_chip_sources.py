"""Sources of chip telemetry, asked on their schedule by one worker at a time."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from metering import chip_collection, chip_sources, queries, tasks
from metering.clickhouse.connection import StoreUnavailable, select
from metering.clickhouse.quarantine import conflicts
from metering.collectors.chips import ChipError
from metering.ingest import ingest
from metering.models import ChipScrape, ChipSource, Tenant
from tests.metering.collectors.test_chips import (
    OCTOBER,
    START,
    allocation,
    chip_seconds,
    costs,
    sample,
)
from tests.metering.conftest import Exporter


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is queued is run at once."""
    monkeypatch.setattr(tasks.collect_chip_source, "delay", tasks.collect_chip_source)


@pytest.fixture
def source(tenant: Tenant, exporter: Exporter) -> ChipSource:
    exporter.body = sample("a").encode()
    return ChipSource.objects.create(tenant=tenant, kind="dcgm", url=exporter.url)


def test_a_source_is_asked_when_it_is_due(
    source: ChipSource, exporter: Exporter, clock: time_machine.Traveller, tenant: Tenant
) -> None:
    asked = []
    for _ in range(13):  # ticks at 0, 10, … 120 s; the source every 60 s
        tasks.collect_due_chips()
        asked.append(exporter.asked)
        clock.shift(10)
    assert asked == [1] * 6 + [2] * 6 + [3]
    assert chip_seconds(tenant) == 120
    source.refresh_from_db()
    assert (source.last_run_at, source.last_error) == (START + timedelta(seconds=120), "")
    ChipSource.objects.update(enabled=False)
    clock.shift(600)
    tasks.collect_due_chips()
    assert exporter.asked == 3


def test_while_one_worker_asks_no_other_does(
    source: ChipSource, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = []

    def meanwhile(*args: Any) -> Any:
        clock.shift(70)  # due again, but claimed
        others.append((chip_sources.due_sources(), chip_sources.collect_source(source.pk)))
        return real(*args)

    real = chip_collection.collect_url
    monkeypatch.setattr(chip_sources, "collect_url", meanwhile)
    assert chip_sources.collect_source(source.pk)
    assert others == [([], False)]
    monkeypatch.setattr(chip_sources, "collect_url", real)
    assert chip_sources.due_sources() == [source.pk]


def test_two_that_saw_it_due_at_the_same_time_do_not_both_get_it(
    source: ChipSource, clock: time_machine.Traveller
) -> None:
    first, second = (ChipSource.objects.get() for _ in range(2))
    now = datetime.now(UTC)
    assert [chip_sources._claimed(one, now) for one in (first, second)] == [True, False]


def test_a_killed_worker_keeps_its_claim_for_minutes_only(
    source: ChipSource, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    ChipSource.objects.update(claimed_until=START + timedelta(minutes=3))
    assert not chip_sources.collect_source(source.pk)
    clock.shift(181)
    assert chip_sources.collect_source(source.pk)


class Killed(BaseException):
    """The process ends here."""


@contextlib.contextmanager
def killed(step: str, when: str) -> Iterator[None]:
    """End at the first call of a step that changes something, before it or after."""
    place = chip_collection if step == "ingest" else type(ChipScrape.objects.all())
    nth = {"ingest": 1, "first update": 1, "second update": 2}[step]
    name = step.rsplit(maxsplit=1)[-1]
    real, calls = getattr(place, name), []

    def dying(*arguments: Any, **fields: Any) -> Any:
        calls.append(name)
        if len(calls) != nth:
            return real(*arguments, **fields)
        if when == "after":
            real(*arguments, **fields)
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, name, dying)
        with contextlib.suppress(Killed):
            yield
    assert len(calls) == nth, "it was never reached"


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["first update", "ingest", "second update"])
def test_a_kill_between_two_steps_loses_no_second_and_doubles_none(
    step: str, when: str, exporter: Exporter, tenant: Tenant, clock: time_machine.Traveller
) -> None:
    exporter.body = sample("a").encode()
    for seconds in (0, 30, 30, 30):
        clock.shift(seconds)
        dying = killed(step, when) if datetime.now(UTC) == START + timedelta(seconds=60) else None
        with dying or contextlib.nullcontext():
            chip_collection.collect_url(tenant, "dcgm", exporter.url)
    assert chip_seconds(tenant) == 90
    assert conflicts(tenant.pk) == [], "nobody said another thing about the same interval"


@pytest.mark.parametrize("later", [0, 7])
@pytest.mark.parametrize("step", ["before", "after"])
def test_two_workers_that_ask_the_same_exporter_count_every_second_once(
    later: int,
    step: str,
    exporter: Exporter,
    tenant: Tenant,
    clock: time_machine.Traveller,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second one asks, and is through, while the first one stores."""
    exporter.body = sample("a").encode()
    chip_collection.collect_url(tenant, "dcgm", exporter.url)
    clock.shift(30)
    real = ingest

    def overtaken(*args: Any) -> Any:
        monkeypatch.setattr(chip_collection, "ingest", real)
        report = real(*args) if step == "after" else None
        clock.shift(later)
        chip_collection.collect_url(tenant, "dcgm", exporter.url)
        return report or real(*args)

    monkeypatch.setattr(chip_collection, "ingest", overtaken)
    chip_collection.collect_url(tenant, "dcgm", exporter.url)
    assert chip_seconds(tenant) == 30 + later
    clock.shift(10)
    chip_collection.collect_url(tenant, "dcgm", exporter.url)
    assert chip_seconds(tenant) == 40 + later
    assert conflicts(tenant.pk) == []


def test_what_goes_wrong_is_seen_and_logged_once(
    source: ChipSource,
    exporter: Exporter,
    clock: time_machine.Traveller,
    caplog: pytest.LogCaptureFixture,
    admin_client: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exporter.status = 500
    for _ in range(3):
        tasks.collect_due_chips()
        clock.shift(60)
    source.refresh_from_db()
    assert (
        source.last_error
        == f"{exporter.url} does not answer: HTTP Error 500: Internal Server Error"
    )
    assert caplog.text.count("Internal Server Error") == 1
    page = admin_client.get("/admin/metering/chipsource/").content.decode()
    assert "Internal Server Error" in page
    exporter.status = 200
    tasks.collect_due_chips()
    source.refresh_from_db()
    assert source.last_error == ""

    def down(*args: Any) -> None:
        raise StoreUnavailable("the event store does not answer")

    monkeypatch.setattr(chip_sources, "collect_url", down)
    clock.shift(60)
    tasks.collect_due_chips()
    source.refresh_from_db()
    assert source.last_error == "the event store does not answer"


def test_what_is_quarantined_is_an_error_of_its_source(
    tenant: Tenant, exporter: Exporter, clock: time_machine.Traveller
) -> None:
    clock.shift(86_400)
    exporter.body = costs(allocation(properties={"labels": {"agent": "a" * 600}}))
    ChipSource.objects.create(tenant=tenant, kind="opencost", url=exporter.url)
    tasks.collect_due_chips()
    assert ChipSource.objects.get().last_error.startswith("1 in quarantine; the first: ")


def test_a_failure_nobody_thought_of_frees_the_source(
    source: ChipSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(chip_sources, "collect_url", broken)
    with pytest.raises(ZeroDivisionError):
        chip_sources.collect_source(source.pk)
    source.refresh_from_db()
    assert (source.claimed_until, source.last_error) == (None, chip_sources._UNKNOWN)


def test_answers_are_bounded_in_size_and_time(
    exporter: Exporter, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter.body = b"#" * 200_000
    assert len(chip_collection.fetch(exporter.url)) == 200_000
    settings.INGEST_MAX_BODY_BYTES = 100_000
    with pytest.raises(ChipError, match="larger than 100000 bytes"):
        chip_collection.fetch(exporter.url)
    exporter.seconds_a_byte = 0.02
    monkeypatch.setattr(chip_collection, "_DEADLINE_SECONDS", 0.2)
    with pytest.raises(ChipError, match=r"not over after 0\.2 s"):
        chip_collection.fetch(exporter.url)
    exporter.seconds_a_byte = 1
    monkeypatch.setattr(chip_collection, "_TIMEOUT_SECONDS", 0.2)
    with pytest.raises(ChipError, match="does not answer: timed out"):
        chip_collection.fetch(exporter.url)


CONFIGURED = """
tenants: [{slug: acme}]
chip_sources:
  - {tenant: acme, kind: dcgm, url: "http://node-1:9400/metrics"}
  - {tenant: acme, kind: opencost, url: "https://cost/allocation?window=24h", chip: T4, every_seconds: 3600}
"""  # noqa: E501 - as a file has it


def apply(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str], **options: Any) -> str:
    file = tmp_path / "configuration.yaml"
    file.write_text(text)
    call_command("apply", file, **options)
    return capsys.readouterr().out


@pytest.mark.django_db
def test_apply_brings_sources_to_what_the_file_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    added = [
        "+ tenant acme",
        "+ chip source dcgm http://node-1:9400/metrics for acme",
        "+ chip source opencost https://cost/allocation?window=24h for acme",
    ]
    assert apply(tmp_path, CONFIGURED, capsys, dry_run=True).splitlines() == added
    assert not ChipSource.objects.exists()
    assert apply(tmp_path, CONFIGURED, capsys).splitlines() == added
    assert apply(tmp_path, CONFIGURED, capsys) == "nothing to change\n"
    changed = CONFIGURED.replace('metrics"', 'metrics", every_seconds: 30, enabled: false')
    assert apply(tmp_path, changed, capsys) == (
        "~ chip source dcgm http://node-1:9400/metrics for acme:"
        " every_seconds 60 → 30, enabled True → False\n"
    )
    rows = ChipSource.objects.values_list("kind", "chip", "every_seconds", "enabled")
    assert list(rows) == [("dcgm", "", 30, False), ("opencost", "T4", 3600, True)]


WRONG = {
    "every: 5": "chip_sources[0].every: is not a known key here",
    "kind: prometheus": "chip_sources[0].kind: ",
    "tenant: nobody": "chip_sources[0].tenant: there is no tenant 'nobody'",
    "url: ftp://host/": "chip_sources[0].url: 'ftp://host/' is not an http or https address",
    "url: 'file:///etc/passwd'": "chip_sources[0].url: ",
    "url: 'http://'": "chip_sources[0].url: ",
    "url: 'http://['": "chip_sources[0].url: ",
    "url: 'http://host:99999/'": "chip_sources[0].url: ",
    "url: 'http://me:s3cret@host/'": "chip_sources[0].url: write no user or password",
    "every_seconds: 5": "chip_sources[0].every_seconds: ",
    "every_seconds: 601": "chip_sources[0].every_seconds: a DCGM exporter has to be asked every",
    "enabled: 5": "chip_sources[0].enabled: ",
}


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", WRONG)
def test_a_source_that_cannot_be_right_is_named(
    wrong: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fields = {"tenant": "tenant: acme", "kind": "kind: dcgm", "url": "url: http://node/"}
    fields[wrong.split(":", maxsplit=1)[0]] = wrong
    text = f"tenants: [{{slug: acme}}]\nchip_sources: [{{{', '.join(fields.values())}}}]"
    with pytest.raises(CommandError) as refused:
        apply(tmp_path, text, capsys)
    assert WRONG[wrong] in str(refused.value)
    assert not Tenant.objects.exists()


def test_an_operator_edits_sources(tenant: Tenant, admin_client: Client) -> None:
    fields = {"tenant": tenant.pk, "kind": "dcgm", "every_seconds": 60, "enabled": "on"}
    url = "/admin/metering/chipsource/add/"
    page = admin_client.post(url, fields | {"url": "gopher://x"})
    assert "is not an http or https address" in page.content.decode()
    assert admin_client.post(url, fields | {"url": "http://node:9400/metrics"}).status_code == 302
    assert ChipSource.objects.get().url == "http://node:9400/metrics"


def test_opencost_asked_every_hour_counts_a_window_once(
    tenant: Tenant, exporter: Exporter, clock: time_machine.Traveller
) -> None:
    clock.shift(86_400)
    exporter.body = costs(allocation())
    ChipSource.objects.create(
        tenant=tenant, kind="opencost", url=exporter.url, chip="T4", every_seconds=3600
    )
    for _ in range(3):
        tasks.collect_due_chips()
        clock.shift(3600)
    assert exporter.asked == 3
    assert queries.usage(tenant, OCTOBER)[0].chip_seconds == Decimal(3 * 3600)
    chips = select("SELECT DISTINCT chip FROM events WHERE tenant = %(t)s", {"t": tenant.pk})
    assert chips == [("t4",)]
