"""Keeps the derived numbers up to date, tenant by tenant."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from metering.clickhouse import rollup
from metering.clickhouse.barrier import store_now
from metering.clickhouse.event_columns import micros
from metering.models import Tenant
from metering.reconciliation import recover_received
from metering.spans import agree_received

Progress = Callable[[Tenant, int, int], None]


def roll_up(tenants: Iterable[Tenant], progress: Progress = lambda *_: None) -> int:
    """Derive every hour that events received until now have touched; returns how many.

    Safe to run twice and by several workers at once. `progress` hears the tenant, the hours done
    and the hours there are.
    """
    tenants = list(tenants)
    until = _agreed(tenants)
    hours = 0
    for tenant in tenants:
        recover_received(tenant, until)
        stale = rollup.stale_hours(tenant.id, tenant.timezone, until)
        done = 0
        for step in rollup.derive(stale):
            done += step
            progress(tenant, done, len(stale.hours))
        hours += done
    return hours


def _agreed(tenants: Sequence[Tenant]) -> datetime:
    """A moment before which no span was received that a killed writer left without its event.

    What is found only at the second look gets its event after it: the next rollup takes it in.
    """
    looked = store_now()
    for tenant in tenants:
        agree_received(tenant, looked)
    until = store_now()
    for tenant in tenants:
        agree_received(tenant, until, micros(looked))
    return until
