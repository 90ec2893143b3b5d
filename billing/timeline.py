"""Which version of which plan a tenant is on at any time, and which charges are its own."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from billing.concessions import TenantCharge
from billing.models import Charge, PlanVersion, Subscription
from billing.plan_parts import Allowance, Fee
from billing.plan_terms import AllowanceTerms, ChargeTerms, FeeItem, PlanTerms
from metering.models import Tenant
from metering.usage.period import Period, range_period

_PARTS = ("charges", "fees", "allowances")
# Where Django keeps what it read of related rows.
_READ = "_prefetched_objects_cache"


def local_midnight(day: date, zone: str) -> datetime:
    """When a date begins on a zone's clock."""
    return range_period(day, day + timedelta(days=7), zone).start


def with_subscriptions(tenants: Iterable[int]) -> dict[int, Tenant]:
    """Tenants together with all that their terms are made of, in a query for each table."""
    plans = (f"subscriptions__plan__versions__{part}" for part in _PARTS)
    read = Tenant.objects.prefetch_related(*plans, "own_charges", "coupons", "contracts")
    return {tenant.pk: tenant for tenant in read.filter(pk__in=list(tenants))}


@dataclass(frozen=True, slots=True)
class Timeline:
    """A tenant's subscriptions by date, the versions of their plans, and its own charges."""

    zone: str
    subscriptions: Sequence[Subscription]
    versions: Sequence[PlanVersion]
    own: Sequence[TenantCharge] = ()

    @classmethod
    def read(cls, tenant: Tenant, zone: str) -> "Timeline":
        # One that `with_subscriptions` did not read is read now, and forgotten again.
        known = tenant if hasattr(tenant, _READ) else with_subscriptions([tenant.pk])[tenant.pk]
        subscriptions = sorted(known.subscriptions.all(), key=lambda s: s.valid_from)
        plans = {subscription.plan.pk: subscription.plan for subscription in subscriptions}
        versions = [version for plan in plans.values() for version in plan.versions.all()]
        own = sorted(known.own_charges.all(), key=lambda charge: (charge.code, charge.valid_from))
        return cls(zone, subscriptions, sorted(versions, key=lambda v: v.valid_from), own)

    def plans(self, period: Period) -> list[PlanTerms]:
        """What is in force in a period, one after the other; nothing where there is no plan."""
        return [self._terms(version, part) for version, part in self._versions(period)]

    def stretches(self, period: Period) -> list[tuple[str, Period]]:
        """Which plan when, whatever its versions."""
        found: list[tuple[str, Period]] = []
        for version, part in self._versions(period):
            code, start = version.plan.code, part.start
            if found and (found[-1][0], found[-1][1].end) == (code, start):
                start = found.pop()[1].start
            found.append((code, Period(start, part.end)))
        return found

    def _versions(self, period: Period) -> list[tuple[PlanVersion, Period]]:
        found: list[tuple[datetime, PlanVersion | None]] = []
        for cut in sorted({period.start, *(m for m in self._dates() if m in period)}):
            version = self._version(cut)
            if not found or found[-1][1] != version:
                found.append((cut, version))
        ends = [start for start, _ in found[1:]] + [period.end]
        return [
            (version, Period(start, end))
            for (start, version), end in zip(found, ends, strict=True)
            if version is not None
        ]

    def since(self, moment: datetime) -> date:
        """From which date on the tenant has been on the plan of a moment without a gap."""
        current = self._subscription(moment)
        assert current is not None, "asked of a moment with a plan"  # noqa: S101
        first = current
        for earlier in reversed([s for s in self.subscriptions if s.valid_from < first.valid_from]):
            ended = earlier.ends is not None and earlier.ends < first.valid_from
            if earlier.plan_id != current.plan_id or ended:
                break
            first = earlier
        return first.valid_from

    def _dates(self) -> Iterator[datetime]:
        """When something may begin or end."""
        dates = {s.ends for s in self.subscriptions if s.ends is not None}
        dates |= {s.valid_from for s in self.subscriptions}
        dates |= {version.valid_from for version in self.versions}
        for day in dates:
            yield local_midnight(day, self.zone)

    def _subscription(self, moment: datetime) -> Subscription | None:
        past = [s for s in self.subscriptions if local_midnight(s.valid_from, self.zone) <= moment]
        last = past[-1] if past else None
        if last and last.ends and local_midnight(last.ends, self.zone) <= moment:
            return None
        return last

    def _version(self, moment: datetime) -> PlanVersion | None:
        subscription = self._subscription(moment)
        if subscription is None:
            return None
        versions = [v for v in self.versions if v.plan_id == subscription.plan_id]
        past = [v for v in versions if local_midnight(v.valid_from, self.zone) <= moment]
        return past[-1] if past else None

    def _terms(self, version: PlanVersion, period: Period) -> PlanTerms:
        return PlanTerms(
            plan=version.plan.code,
            currency=version.plan.currency,
            valid_from=version.valid_from,
            start=period.start,
            end=period.end,
            charges=list(self._charges(version, period)),
            fees=[_fee(row) for row in version.fees.all()],
            minimum_commitment=version.minimum_commitment,
            allowances=[_allowance(row) for row in version.allowances.all()],
        )

    def _charges(self, version: PlanVersion, period: Period) -> Iterator[ChargeTerms]:
        """The plan's charges in their order, where none is the tenant's own; then its others."""
        own: dict[str, list[tuple[Period, TenantCharge]]] = {}
        for part, charge in self._own(period):
            own.setdefault(charge.code, []).append((part, charge))
        for planned in version.charges.all():
            yield from _parts(planned, period, own.pop(planned.code, []))
        for rest in own.values():
            yield from (_bounded(charge, part, period) for part, charge in rest)

    def _own(self, period: Period) -> Iterator[tuple[Period, TenantCharge]]:
        """The tenant's own charges and when in a period each is in force."""
        for n, charge in enumerate(self.own):
            following = self.own[n + 1] if n + 1 < len(self.own) else None
            until = [charge.ends] if charge.ends else []
            if following is not None and following.code == charge.code:
                until.append(following.valid_from)
            start = local_midnight(charge.valid_from, self.zone)
            end = min((local_midnight(day, self.zone) for day in until), default=period.end)
            if max(start, period.start) < min(end, period.end):
                yield Period(max(start, period.start), min(end, period.end)), charge


def _parts(
    planned: Charge, period: Period, own: list[tuple[Period, TenantCharge]]
) -> Iterator[ChargeTerms]:
    """A plan's charge, and the tenant's own that take its place for some time."""
    start = period.start
    for part, charge in own:
        if start < part.start:
            yield _bounded(planned, Period(start, part.start), period)
        yield _bounded(charge, part, period)
        start = part.end
    if start < period.end:
        yield _bounded(planned, Period(start, period.end), period)


def _bounded(charge: Charge | TenantCharge, part: Period, period: Period) -> ChargeTerms:
    return ChargeTerms(
        code=charge.code,
        meter=charge.meter,
        charge=charge.charge,
        start=part.start if part.start != period.start else None,
        end=part.end if part.end != period.end else None,
    )


def _fee(row: Fee) -> FeeItem:
    return FeeItem(**{name: getattr(row, name) for name in FeeItem.__struct_fields__})


def _allowance(row: Allowance) -> AllowanceTerms:
    return AllowanceTerms(**{name: getattr(row, name) for name in AllowanceTerms.__struct_fields__})
