"""What runs without anybody asking for it."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
import time_machine

from billing.models import Invoice
from billing.tasks import close_last_month

pytestmark = pytest.mark.usefixtures("store")


def test_drafts_are_of_the_month_that_last_ended_on_each_tenants_clock(
    apply: Callable[..., str],
) -> None:
    apply(
        "plans: [{code: free, currency: USD, valid_from: 2026-01-01, charges: []}]\n"
        "tenants: [{slug: london, plan: free}, {slug: new},"
        " {slug: tokyo, plan: free, timezone: Asia/Tokyo}]"
    )
    # At 16:00Z on the 31st it is already November in Tokyo.
    with time_machine.travel(datetime(2026, 10, 31, 16, tzinfo=UTC), tick=True):
        close_last_month()
        close_last_month()
    drafts = Invoice.objects.order_by("tenant__slug").values_list("tenant__slug", "month", "status")
    assert list(drafts) == [
        ("london", date(2026, 9, 1), "draft"),
        ("tokyo", date(2026, 10, 1), "draft"),
    ]
