"""The page of exports: a small file at once, a large one with its progress, nobody else's."""

from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import pytest
from django.test import Client

from billing.exports.ask import Ask
from billing.exports.job import ExportJob
from billing.exports.jobs import write_export
from billing.exports.registry import export
from billing.invoicing import draft_invoice
from dashboards.export_page import FILES, read_choice
from metering.models import Tenant
from tests.dashboards.test_overview_page import plain

Read = Callable[[Client], str]


@pytest.fixture(autouse=True)
def sent() -> Iterator[list[str]]:
    found: list[str] = []
    with patch("billing.tasks.make_export.delay", found.append):
        yield found


def page(client: Client) -> str:
    answer = client.get("/exports/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_without_any_it_says_how_one_comes_about(alice: Client) -> None:
    text = page(alice)
    assert "curl -X POST http://testserver/api/v1/exports" in text
    assert "http-equiv" not in text


@pytest.mark.parametrize("choice", [file.value for file in FILES])
def test_a_small_file_comes_at_once_with_the_bytes_of_the_command(
    worked: Tenant, alice: Client, choice: str
) -> None:
    draft_invoice(worked, "2026-10")
    asked = {"file": choice, "month": "2026-10"}
    answer: Any = alice.post("/exports/", asked, follow=True)
    assert answer.status_code == 200
    sent = b"".join(answer.streaming_content)
    assert sent == b"".join(export(read_choice(choice, "2026-10"), [worked]))
    assert not ExportJob.objects.exists()


def test_a_large_one_is_made_meanwhile(
    worked: Tenant, alice: Client, bob: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboards.export_views.SMALL", 0)
    asked = {"file": "usage", "month": "2026-10"}
    answer = alice.post("/exports/", asked, follow=True)
    text = answer.content.decode()
    assert '<meta http-equiv="refresh" content="3">' in text
    assert "Usage by day October 2026 Queued" in plain(text)
    assert "0 rows of at most" in plain(text)
    job = ExportJob.objects.get()
    write_export(str(job.pk))
    job.refresh_from_db()
    text = page(bob)
    assert "http-equiv" not in text
    assert job.sha256[:12] in text
    link = f"/exports/jobs/{job.pk}/file"
    assert link in text
    fetched: Any = bob.get(link)
    expected = b"".join(export(Ask(kind="usage", month="2026-10"), [worked]))
    assert b"".join(fetched.streaming_content) == expected


def test_what_cannot_be_had_is_said_on_the_page(alice: Client) -> None:
    answer = alice.post("/exports/", {"file": "poems", "month": "2026-10"})
    assert answer.status_code == 400
    assert "File: choose one of the list." in answer.content.decode()
    answer = alice.get("/exports/lines.csv?period=now")
    assert answer.status_code == 400
    assert "Period: now is not a month" in answer.content.decode()


def test_nobody_else_sees_or_fetches_it(
    worked: Tenant, alice: Client, charlie: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboards.export_views.SMALL", 0)
    alice.post("/exports/", {"file": "usage", "month": "2026-10"})
    job = ExportJob.objects.get()
    write_export(str(job.pk))
    assert "Usage by day October" not in plain(page(charlie))
    assert charlie.get(f"/exports/jobs/{job.pk}/file").status_code == 404
    assert charlie.get("/exports/lines.csv?period=2026-10&tenant=acme").status_code == 404
    assert Client().get("/exports/").status_code == 302
    assert Client().get(f"/exports/jobs/{job.pk}/file").status_code == 302
