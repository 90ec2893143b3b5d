"""`manage.py rate` as its users run it: a process with pipes, and no database to be seen."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def run(text: bytes) -> subprocess.CompletedProcess[bytes]:
    nowhere = {**os.environ, "DATABASE_URL": "postgres://127.0.0.1:1/none", "CLICKHOUSE_URL": ""}
    command = [sys.executable, "manage.py", "rate"]
    return subprocess.run(
        command, input=text, capture_output=True, cwd=ROOT, env=nowhere, check=False, timeout=60
    )


def test_cases_in_and_amounts_with_their_lines_out() -> None:
    cases = [
        {"charge": {"model": "per_unit", "unit_amount": "0.50"}, "quantity": "6"},
        {"charge": {"model": "per_unit"}, "quantity": "6"},
    ]
    done = run(json.dumps(cases).encode())
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout) == [
        {
            "amount": "3",
            "lines": [
                {
                    "key": "units",
                    "description": "Units",
                    "quantity": "6",
                    "unit_amount": "0.5",
                    "amount": "3",
                }
            ],
        },
        {"error": "charge.unit_amount: is missing"},
    ]


@pytest.mark.parametrize(
    "text", [b"", b"{", b"{}", b"null", b'"x"', b"\xff\xfe", b"[" * 100_000, b"[NaN" + b"]" * 2]
)
def test_input_that_is_no_array_is_one_sentence_and_exit_1(text: bytes) -> None:
    done = run(text)
    assert done.returncode == 1
    assert done.stdout == b""
    assert len(done.stderr.splitlines()) == 1
    assert b"The input" in done.stderr
