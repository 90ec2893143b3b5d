"""One file whoever asks for it, and the same one when asked again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.test import Client

from billing.invoicing import draft_invoice, finalize_invoice
from metering.models import Tenant

Run = Callable[..., str]
Api = Callable[[Tenant], Client]
FILES: list[tuple[str, dict[str, str]]] = [
    ("invoices", {}),
    ("lines", {}),
    ("usage", {}),
    ("tasks", {}),
    ("focus", {}),
    ("focus", {"focus_version": "1.3"}),
    ("journal", {}),
    ("journal", {"format": "xero"}),
    ("journal", {"format": "xero", "part": "1"}),
    ("journal", {"format": "quickbooks"}),
    ("journal", {"format": "netsuite"}),
]


def command(manage: Run, out: Path, kind: str, options: dict[str, str]) -> bytes:
    more = [word for n, v in options.items() for word in (f"--{n.replace('_', '-')}", v)]
    words = ["--period", "2026-10", "--tenant", "acme", "--out", str(out), *more]
    manage("export", kind, *words)
    return out.read_bytes()


def test_command_and_api_give_the_same_bytes_and_give_them_again(
    acme: Tenant, api: Api, manage: Run, tmp_path: Path
) -> None:
    finalize_invoice(draft_invoice(acme, "2026-10"))
    client = api(acme)
    for kind, options in FILES:
        asked = {"period": "2026-10", **options}
        answer: Any = client.get(f"/api/v1/exports/{kind}.csv", asked)
        assert answer.status_code == 200, answer.content
        sent = b"".join(answer.streaming_content)
        assert sent.count(b"\r\n") > 1
        assert sent == command(manage, tmp_path / "a.csv", kind, options)
        assert sent == command(manage, tmp_path / "b.csv", kind, options)
        name = "-".join(["acme", kind, *options.values(), "2026-10"])
        assert answer["Content-Disposition"] == f'attachment; filename="{name}.csv"'


def test_without_a_tenant_the_command_writes_all_of_them(
    acme: Tenant, make_tenant: Callable[..., Tenant], manage: Run, tmp_path: Path
) -> None:
    finalize_invoice(draft_invoice(acme, "2026-10"))
    make_tenant(slug="zenith")
    one = command(manage, tmp_path / "one.csv", "journal", {})
    manage("export", "journal", "--period", "2026-10", "--out", str(tmp_path / "all.csv"))
    assert (tmp_path / "all.csv").read_bytes() == one


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("focus.csv?period=2026-10&focus_version=1.4", "focus_version: '1.4' is not one of 1.2"),
        ("focus.csv?period=2026-10&format=xero", "format: belongs to the export journal, not to"),
        ("journal.csv?period=2026-10&format=sage", "format: 'sage' is not one of generic, xero"),
        ("journal.csv?period=2026-10&format=xero&part=x", "part: 'x' is not the number of a part"),
        ("journal.csv?period=2026-10&format=xero&part=2", "part: there are 1"),
        ("journal.csv?period=2026-13", "period: 2026-13 is not a month"),
    ],
)
def test_what_cannot_be_had_is_a_problem_that_names_the_parameter(
    acme: Tenant, api: Api, asked: str, said: str
) -> None:
    answer = api(acme).get(f"/api/v1/exports/{asked}")
    assert answer.status_code == 400
    assert said in answer.json()["detail"]


def test_the_command_says_it_in_a_sentence(acme: Tenant, manage: Run) -> None:
    with pytest.raises(CommandError, match="focus_version: belongs to the export focus, not to"):
        manage("export", "journal", "--period", "2026-10", "--focus-version", "1.3")


def test_no_other_tenant_is_in_a_file(
    acme: Tenant, make_tenant: Callable[..., Tenant], api: Api
) -> None:
    finalize_invoice(draft_invoice(acme, "2026-10"))
    zenith = api(make_tenant(slug="zenith"))
    for kind, options in FILES:
        if "part" not in options:
            answer: Any = zenith.get(
                f"/api/v1/exports/{kind}.csv", {"period": "2026-10", **options}
            )
            assert b"".join(answer.streaming_content).count(b"\r\n") == 1
