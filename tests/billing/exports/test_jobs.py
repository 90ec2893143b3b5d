"""Files that a worker makes: asked for, made once, fetched by a link, removed."""

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import time_machine
from django.conf import settings
from django.test import Client

from billing.exports import jobs
from billing.exports.ask import Ask, ExportError
from billing.exports.job import STALE, ExportJob
from billing.exports.registry import export
from billing.invoicing import draft_invoice, finalize_invoice
from billing.tasks import sweep_exports
from metering.models import Tenant
from metering.queries import StoreUnavailable

Api = Callable[[Tenant], Client]
Status = ExportJob.Status
LINES = Ask(kind="lines", month="2026-10")
NOW = datetime.fromisoformat("2026-11-24T12:00:00+00:00")


@pytest.fixture(autouse=True)
def sent() -> Iterator[list[str]]:
    """The jobs that were handed to a worker, which is the test."""
    found: list[str] = []
    with patch("billing.tasks.make_export.delay", found.append):
        yield found


@pytest.fixture
def acme_closed(acme: Tenant) -> Tenant:
    finalize_invoice(draft_invoice(acme, "2026-10"))
    return acme


def whole(tenant: Tenant, ask: Ask = LINES) -> bytes:
    return b"".join(export(ask, [tenant]))


def made(job: ExportJob) -> ExportJob:
    jobs.write_export(str(job.pk))
    job.refresh_from_db()
    return job


def body(answer: Any) -> bytes:
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


@pytest.mark.django_db(transaction=False)
def test_a_file_asked_for_by_api_is_fetched_by_its_link(
    acme_closed: Tenant, api: Api, sent: list[str],
    django_capture_on_commit_callbacks: Any,
) -> None:  # fmt: skip
    client = api(acme_closed)
    asked = {"kind": "journal", "period": "2026-10", "format": "xero"}
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post("/api/v1/exports", asked, content_type="application/json")
    assert answer.status_code == 202, answer.content
    job = answer.json()
    assert (job["status"], job["url"], job["options"]) == ("queued", None, {"format": "xero"})
    assert sent == [job["id"]]
    jobs.write_export(sent[0])
    job = client.get(f"/api/v1/exports/jobs/{job['id']}").json()
    expected = whole(acme_closed, Ask(kind="journal", month="2026-10", format="xero"))
    assert job["status"] == "done"
    assert job["sha256"] == hashlib.sha256(expected).hexdigest()
    assert (job["bytes"], job["rows"]) == (len(expected), expected.count(b"\r\n") - 1)
    assert job["rows"] <= job["expected_rows"]
    fetched = Client().get(job["url"])
    assert body(fetched) == expected
    assert fetched["Content-Disposition"] == 'attachment; filename="acme-journal-xero-2026-10.csv"'
    assert fetched["Repr-Digest"].startswith("sha-256=:")
    listed = client.get("/api/v1/exports")
    assert listed.status_code == 200, listed.content
    assert listed.json()["rows"] == [job]


def test_the_link_serves_until_it_expires_and_only_as_it_is(
    acme_closed: Tenant, make_tenant: Callable[..., Tenant], api: Api
) -> None:
    job = made(jobs.request_export(acme_closed, LINES))
    path = f"/api/v1/exports/jobs/{job.pk}"
    good = f"{path}/file?signature={job.signature}"
    assert body(Client().get(good)) == whole(acme_closed)
    assert Client().get(f"{good}x").status_code == 404
    assert Client().get(f"{path}/file?signature=").status_code == 404
    assert Client().get(f"{path}/file").status_code == 401
    stranger = api(make_tenant())
    assert stranger.get(path).status_code == 404
    assert stranger.get(f"{path}/file").status_code == 404
    assert stranger.get("/api/v1/exports").json()["rows"] == []
    assert body(api(acme_closed).get(f"{path}/file")) == whole(acme_closed)
    assert job.expires_at
    with time_machine.travel(job.expires_at, tick=False):
        assert Client().get(good).status_code == 404
        assert job.path.exists()
        sweep_exports()
        assert not job.path.exists()
        job.refresh_from_db()
        assert job.status == Status.EXPIRED
    with time_machine.travel(NOW + jobs.LISTED + timedelta(days=1), tick=False):
        sweep_exports()
        assert not ExportJob.objects.exists()


def test_the_same_file_is_made_once_however_often_it_is_asked_for(acme_closed: Tenant) -> None:
    first = jobs.request_export(acme_closed, LINES)
    assert jobs.request_export(acme_closed, LINES) == first
    assert made(first).attempt == 1
    assert made(first).attempt == 1
    assert jobs.request_export(acme_closed, LINES) != first


def test_a_worker_that_was_killed_is_followed_by_one_that_makes_the_same_bytes(
    acme_closed: Tenant, sent: list[str]
) -> None:
    job = jobs.request_export(acme_closed, LINES)

    def die(*_: object) -> None:
        raise SystemExit

    with patch("billing.exports.jobs._finish", die), pytest.raises(SystemExit):
        jobs.write_export(str(job.pk))
    # Another is not let in while the first may be alive.
    assert made(job).status == Status.RUNNING
    assert job.attempt == 1
    with time_machine.travel(NOW + STALE + timedelta(minutes=1)):
        sweep_exports()
        assert sent == [str(job.pk)]
        assert made(job).status == Status.DONE
    assert job.path.read_bytes() == whole(acme_closed)
    assert job.attempt == 2


def test_a_worker_given_up_for_dead_leaves_nothing_of_its_own(acme_closed: Tenant) -> None:
    job = jobs.request_export(acme_closed, LINES)
    slow = jobs._taken(str(job.pk))
    assert slow
    with time_machine.travel(NOW + STALE + timedelta(minutes=1)):
        assert made(job).status == Status.DONE
    before = (job.sha256, job.path.stat().st_ino)
    with pytest.raises(jobs.LostJob):
        jobs._write(slow)
    job.refresh_from_db()
    assert (job.sha256, job.path.stat().st_ino) == before


def test_a_store_that_is_down_puts_the_job_back(acme_closed: Tenant) -> None:
    job = jobs.request_export(acme_closed, LINES)
    down = patch("billing.exports.jobs.export", side_effect=StoreUnavailable("down"))
    with down, pytest.raises(StoreUnavailable):
        jobs.write_export(str(job.pk))
    job.refresh_from_db()
    assert job.status == Status.QUEUED
    assert made(job).status == Status.DONE


def test_a_job_that_cannot_be_done_says_why(acme_closed: Tenant) -> None:
    job = jobs.request_export(acme_closed, LINES)
    wrong = patch("billing.exports.jobs.export", side_effect=RuntimeError("no such\nat all"))
    with wrong, pytest.raises(RuntimeError):
        jobs.write_export(str(job.pk))
    job.refresh_from_db()
    assert (job.status, job.problem) == (Status.FAILED, "no such")
    folder = Path(settings.DATA_DIR) / "exports"
    assert not list(folder.glob(f"{job.pk}*"))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"kind": "poems", "period": "2026-10"}, "kind: 'poems' is not one of invoices, lines"),
        ({"kind": "lines"}, "period:  is not a month"),
        ({"kind": "lines", "period": 5}, "period: must be a text"),
        ({"kind": "lines", "month": "2026-10"}, "month: is not one of kind, period"),
        ({"kind": "lines", "period": "2026-10", "format": "xero"}, "format: belongs to the export"),
        ([], "body: must be a JSON object"),
    ],
)
def test_what_cannot_be_made_is_refused_at_once(
    acme: Tenant, api: Api, asked: object, said: str
) -> None:
    text = json.dumps(asked)
    answer = api(acme).post("/api/v1/exports", text, content_type="application/json")
    assert answer.status_code == 400
    assert said in answer.json()["detail"]


def test_not_more_wait_than_would_ever_be_fetched(
    acme_closed: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "MOST_OPEN", 1)
    jobs.request_export(acme_closed, LINES)
    with pytest.raises(ExportError, match="1 exports are being made"):
        jobs.request_export(acme_closed, Ask(kind="focus", month="2026-10"))
