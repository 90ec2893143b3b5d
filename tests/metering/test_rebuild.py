"""`rollup --rebuild` derives everything anew."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command

from metering import queries
from metering.ingest import Report
from metering.models import Tenant
from metering.usage.period import month_period
from tests.conftest import Events

OCTOBER = month_period("2026-10", "UTC")


def _reusable(tenant: Tenant) -> int:
    return sum(calls.reusable_tokens for _, calls in queries.priced_calls(tenant, OCTOBER))


def test_another_reuse_window_counts_after_a_rebuild(
    tenant: Tenant,
    event: Events,
    send: Callable[[Tenant, list[dict[str, Any]]], Report],
    settings: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    call: dict[str, Any] = {"input_tokens": 100, "prefix_blocks": [1, 2], "block_tokens": 40}
    send(
        tenant,
        [event.tokens(f"2026-10-01T{hour}:00:00Z", **call) for hour in ("10", "13")],
    )
    call_command("rollup", tenant=tenant.slug)
    assert _reusable(tenant) == 80  # both blocks came three hours before
    settings.REUSE_WINDOW_SECONDS = 3600
    call_command("rollup", tenant=tenant.slug)
    assert _reusable(tenant) == 80  # nothing arrived, so nothing was derived again
    call_command("rollup", tenant=tenant.slug, rebuild=True)
    assert _reusable(tenant) == 0
    assert "rolled up 2 hours" in capsys.readouterr().out
