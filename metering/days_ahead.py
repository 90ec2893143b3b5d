"""Usage of many tenants read at once, for whoever goes on to ask for it tenant by tenant.

While a `DaysAhead` is in force, metering/queries.py asks it first. It knows what is derived by
local day, as of its watermark; other questions go to the events, and both give the same.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import TypeVar

from metering.clickhouse.chip_query import chips_of
from metering.clickhouse.meter_days_query import (
    DaysOf,
    answers,
    at_once,
    has_days,
    type_counts,
)
from metering.clickhouse.meter_query import MeterQuantity
from metering.clickhouse.scope import TenantsScope
from metering.models import Tenant
from metering.usage.meter import Meter
from metering.usage.period import Period, local_days, range_period

Days = tuple[date, date]
Answer = TypeVar("Answer")


class DaysAhead:
    """What tenants used as of a moment up to which their days are derived: metering/meter_days.py.

    The first question is answered for all who are expected to ask it.
    """

    def __init__(self, tenants: Iterable[Tenant], as_of: datetime) -> None:
        self._zones = {tenant.pk: tenant.timezone for tenant in tenants}
        self._as_of = as_of
        self._expected: dict[Hashable, set[int]] = defaultdict(set)
        # Of the meters, those that have not been read.
        self._meters: dict[Days, set[Meter]] = defaultdict(set)
        self._found: dict[tuple[Hashable, int], object] = {}

    def expect(self, tenant: Tenant, period: Period, meters: Iterable[Meter]) -> None:
        """The tenant will ask for these meters and for its types over the period."""
        self._expected[period].add(tenant.pk)
        if days := self._days(tenant, period):
            self._expected[days].add(tenant.pk)
            for meter in filter(answers, meters):
                self._expected[meter, days].add(tenant.pk)
                self._meters[days].add(meter)

    def quantities(
        self, tenant: Tenant, meter: Meter, period: Period, as_of: datetime | None
    ) -> list[MeterQuantity] | None:
        """As `queries.meter_quantities` has it; None where that is not known here."""
        days = self._days(tenant, period) if as_of == self._as_of and answers(meter) else None
        if days is None:
            return None
        if ((meter, days), tenant.pk) not in self._found:
            self._read_meters(meter, days, tenant)
        found = self._found[(meter, days), tenant.pk]
        assert isinstance(found, list)  # noqa: S101 - each question has answers of one kind
        return list(found)

    def _read_meters(self, meter: Meter, days: Days, tenant: Tenant) -> None:
        """This meter for this tenant, and with it all others that are expected over the days."""
        self._meters[days].add(meter)
        self._expected[meter, days].add(tenant.pk)
        meters = self._meters.pop(days)
        tenants = {pk for item in meters for pk in self._expected[item, days]}
        found = at_once(sorted(meters, key=repr), self._of(tuple(sorted(tenants)), days))
        for item in meters:
            for pk in self._expected[item, days]:
                self._found[(item, days), pk] = found[item].get(pk, [])

    def types(
        self, tenant: Tenant, period: Period, as_of: datetime | None
    ) -> list[tuple[str, int]] | None:
        """As `queries.usage_types` has it; None where that is not known here."""
        days = self._days(tenant, period) if as_of == self._as_of else None
        if days is None:
            return None
        return self._answer(days, tenant, lambda tenants: type_counts(self._of(tenants, days)))

    def chips(self, tenant: Tenant, period: Period, as_of: datetime | None) -> list[str] | None:
        """As `queries.chips` has it; None where that is not known here."""
        if as_of != self._as_of or tenant.pk not in self._zones:
            return None

        def read(tenants: tuple[int, ...]) -> dict[int, list[str]]:
            return chips_of(TenantsScope(tenants=tenants, received_before=self._as_of), period)

        return self._answer(period, tenant, read)

    def _days(self, tenant: Tenant, period: Period) -> Days | None:
        """The local days that the period is made of, if they are derived and it is."""
        known = self._zones.get(tenant.pk) == tenant.timezone
        return _whole_days(period, tenant.timezone) if known else None

    def _of(self, tenants: tuple[int, ...], days: Days) -> DaysOf:
        return DaysOf(tenants=tenants, start=days[0], end=days[1], as_of=self._as_of)

    def _answer(
        self,
        question: Hashable,
        tenant: Tenant,
        read: Callable[[tuple[int, ...]], dict[int, list[Answer]]],
    ) -> list[Answer]:
        if (question, tenant.pk) not in self._found:
            asking = self._expected[question] | {tenant.pk}
            answers_ = read(tuple(sorted(asking)))
            self._found |= {(question, pk): answers_.get(pk, []) for pk in asking}
        found = self._found[question, tenant.pk]
        assert isinstance(found, list)  # noqa: S101 - each question has answers of one kind
        return list(found)


@lru_cache(maxsize=4096)
def _whole_days(period: Period, zone: str) -> Days | None:
    """The local days that a period is made of; None if it begins or ends within one."""
    days = local_days(period, zone)
    start, end = days[0], days[-1] + timedelta(days=1)
    whole = has_days(start, end) and range_period(start, end, zone) == period
    return (start, end) if whole else None


_in_force: ContextVar[DaysAhead | None] = ContextVar("days_ahead", default=None)


@contextmanager
def reading_ahead(days: DaysAhead) -> Iterator[None]:
    """Have the queries of this thread answered from it, where it can."""
    token = _in_force.set(days)
    try:
        yield
    finally:
        _in_force.reset(token)


def in_force() -> DaysAhead | None:
    """What reads ahead for this thread, if anything does."""
    return _in_force.get()
