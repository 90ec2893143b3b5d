"""Several workers close the same month at once, each a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings

pytestmark = pytest.mark.usefixtures("store")

WORKERS = 4
TENANTS = ("ada", "bob", "cyd")
# A baseline is owed without any event: the store has nothing of these tenants.
CONFIGURATION = """
plans: [{code: chips, currency: USD, valid_from: 2025-01-01, charges: [{code: bursts, charge: {model: burst}}]}]
tenants: [{slug: ada, plan: chips}, {slug: bob, plan: chips}, {slug: cyd, plan: chips}]
contracts:
"""  # noqa: E501 - a plan a line
CONTRACT = """
  - {tenant: %s, chip: p800, valid_from: 2025-01-01, baseline: "1", baseline_price: "0.001", on_demand_price: "0.001", burst_tiers: [{up_to: null, unit_amount: "1"}], idle_factor: "0", cold_start_fee: "0"}
"""  # noqa: E501 - a contract a line


Manage = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def manage_alone(tmp_path: Path) -> Manage:
    """Start a command on a database file of this test and the store of this run."""
    environment = os.environ | {
        "DATA_DIR": str(settings.DATA_DIR),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'own.sqlite3'}",
    }

    def start(*words: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), *words]
        return subprocess.Popen(
            command,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return start


def finished(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out


def test_workers_at_once_give_one_invoice_a_tenant_and_no_gap(
    manage_alone: Manage, tmp_path: Path
) -> None:
    file = tmp_path / "configuration.yaml"
    file.write_text(CONFIGURATION + "".join(CONTRACT % slug for slug in TENANTS))
    finished(manage_alone("migrate", "-v0"))
    finished(manage_alone("apply", str(file)))
    workers = [manage_alone("close_month", "2025-01", "--finalize") for _ in range(WORKERS)]
    tables = [finished(worker) for worker in workers]
    # 31 days × 86,400 s × 0.001, three times, whoever of them did it.
    assert set(tables) == {tables[0]}
    assert tables[0].count("finalized") == len(TENANTS)
    exported = finished(manage_alone("export", "invoices", "--period", "2025-01")).splitlines()
    numbers = sorted(line.split(",")[3] for line in exported[1:])
    assert numbers == [f"INV-2025-{n:06d}" for n in range(1, len(TENANTS) + 1)]
    assert all(line.endswith(",2678.40,0,0.00,2678.40") for line in exported[1:])
