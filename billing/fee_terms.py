"""Which fees an invoice bills, and what of them was billed before: part of its terms.

A fee belongs to a whole, its month or year on the plan, and is owed for the stretches of it in
which it is in force. Invoices of a month settle each whole that they can see: what is owed by
then, less what was billed. A whole is settled as often as need be, and never billed twice.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from billing.models import Invoice, InvoiceLine
from billing.plan_terms import FeeItem, PlanTerms
from billing.rating.money import EXACT, ZERO
from billing.timeline import Timeline, local_midnight
from metering.models import Tenant
from metering.usage.period import Period, month_period

_YEAR = "year"
# A year on a plan reaches no further than this beyond a month that it has a day of.
_REACH = timedelta(days=367)
ADJUSTED = "-adjusted"


class FeeTerms(Struct, frozen=True, kw_only=True):
    """A fee over one stretch of its month or year."""

    plan: str
    currency: str
    fee: FeeItem
    # Of its month or year: the date it begins with, and its bounds.
    day: date
    whole_start: datetime
    whole_end: datetime
    start: datetime
    end: datetime
    # Whether this invoice settles it, and does not only count it towards a commitment.
    due: bool

    @property
    def whole(self) -> Period:
        return Period(self.whole_start, self.whole_end)

    @property
    def account(self) -> tuple[str, str, str]:
        """What is settled together: the plan, the fee, and which month or year of it."""
        return self.plan, self.fee.code, whole_key(self.day, self.fee.interval)


class BilledFee(Struct, frozen=True, kw_only=True):
    """What invoices before have billed of a fee's month or year, on balance."""

    plan: str
    code: str
    whole: str
    currency: str
    amount: Decimal
    start: datetime
    end: datetime

    @property
    def account(self) -> tuple[str, str, str]:
        return self.plan, self.code, self.whole


def whole_key(day: date, interval: str) -> str:
    """The key of a line of a fee: which month or year it is for."""
    return f"{day}-year" if interval == _YEAR else f"{day}"


def read_fees(timeline: Timeline, month: str) -> list[FeeTerms]:
    """The fees that the invoice of a month settles, and those it counts, by plan and time."""
    this, following = _months(month, timeline.zone)
    window = Period(this.start, following.end)
    plans = timeline.plans(window)
    return [
        *monthly_fees(plans, month, timeline.zone),
        *monthly_fees(plans, next_month(month), timeline.zone, in_advance=True),
        *_yearly_fees(timeline, this, window),
    ]


def monthly_fees(
    plans: Sequence[PlanTerms], month: str, zone: str, *, in_advance: bool = False
) -> list[FeeTerms]:
    """The stretches of a month with each monthly fee; of those in advance alone if asked for."""
    whole, day = month_period(month, zone), date.fromisoformat(f"{month}-01")
    found = [
        _stretch(plan, fee, part, day, whole, due=True)
        for plan in plans
        for fee in plan.fees
        if fee.interval != _YEAR
        and (fee.in_advance or not in_advance)
        and (part := plan.period.intersect(whole))
    ]
    return _joined(found)


def _yearly_fees(timeline: Timeline, this: Period, window: Period) -> list[FeeTerms]:
    """Years begin on the anniversaries of the day on which the tenant came on the plan."""
    wide = Period(window.start - _REACH, window.end + _REACH)
    found = []
    for plan in timeline.plans(wide):
        for fee in plan.fees:
            if fee.interval == _YEAR:
                since = timeline.since(plan.start)
                for day, whole in _years(since, window, timeline.zone):
                    if part := plan.period.intersect(whole):
                        due = fee.in_advance or part.end <= this.end
                        found.append(_stretch(plan, fee, part, day, whole, due=due))
    joined = _joined(found)
    # A year that begins only next month is none of this invoice's, unless it is paid in advance.
    return [item for item in joined if item.fee.in_advance or item.whole_start < this.end]


def _stretch(
    plan: PlanTerms, fee: FeeItem, part: Period, day: date, whole: Period, *, due: bool
) -> FeeTerms:
    return FeeTerms(
        plan=plan.plan,
        currency=plan.currency,
        fee=fee,
        day=day,
        whole_start=whole.start,
        whole_end=whole.end,
        start=part.start,
        end=part.end,
        due=due,
    )


def _joined(found: list[FeeTerms]) -> list[FeeTerms]:
    """Stretches that go on unchanged are one: a new version of a plan need not change its fees."""
    joined: list[FeeTerms] = []
    for item in sorted(found, key=lambda item: (item.account, item.start)):
        last = joined[-1] if joined else None
        if last and (last.account, last.fee, last.end) == (item.account, item.fee, item.start):
            joined[-1] = replace(last, end=item.end, due=item.due)
        else:
            joined.append(item)
    return sorted(joined, key=lambda item: (item.whole_start, item.start))


def _years(since: date, window: Period, zone: str) -> Iterator[tuple[date, Period]]:
    """The years from the anniversaries of a date that a window has a part of."""
    for year in range(window.start.year - 1, window.end.year + 2):
        day, following = _anniversary(since, year), _anniversary(since, year + 1)
        whole = Period(local_midnight(day, zone), local_midnight(following, zone))
        if day >= since and whole.intersect(window):
            yield day, whole


def _anniversary(day: date, year: int) -> date:
    """The same day of another year; in a year without a 29th of February, the day before."""
    try:
        return day.replace(year=year)
    except ValueError:
        return day.replace(year=year, day=28)


def read_billed_fees(tenant: Tenant, month: str, fees: Sequence[FeeTerms]) -> list[BilledFee]:
    """What invoices that count have billed of the wholes that the invoice of a month settles."""
    # Told by `with_subscriptions`; whoever was read without it is asked.
    if not getattr(tenant, "has_fee_lines", True):
        return []
    settled = {whole_key(item.day, item.fee.interval) for item in fees}
    settled |= {f"{month}-01", f"{next_month(month)}-01"}
    period = month_period(month, tenant.timezone)
    start = period.start
    rows = (
        InvoiceLine.objects.filter(
            invoice__tenant=tenant,
            invoice__period_start__gte=start - 2 * _REACH,
            kind=InvoiceLine.Kind.FEE,
        )
        .exclude(invoice__status__in=[Invoice.Status.DRAFT, Invoice.Status.VOID])
        .exclude(invoice__month=f"{month}-01", invoice__reason="month")
        .select_related("invoice")
        .order_by("invoice__month", "invoice_id", "position")
    )
    billed: dict[tuple[str, str, str], BilledFee] = {}
    for line in rows:
        one = _billed(line)
        if f"{line.invoice.month:%Y-%m}" > month and _left_to_later(one, fees, period):
            continue
        # Of a year that no plan has any more, what was paid for the time to come.
        if one.whole in settled or (one.whole.endswith(_YEAR) and one.end > start):
            before = billed.get(one.account)
            billed[one.account] = _added(before, one) if before else one
    return [item for item in billed.values() if item.amount != ZERO]


def _left_to_later(one: BilledFee, fees: Sequence[FeeTerms], period: Period) -> bool:
    """Whether what an invoice of a later month billed was not this month's to bill.

    Months may be closed in any order, and an earlier one be made anew: it gives nothing of that
    back, and bills nothing twice.
    """
    own = [item for item in fees if item.account == one.account]
    return not all(item.due for item in own) if own else one.start >= period.end


def _billed(line: InvoiceLine) -> BilledFee:
    return BilledFee(
        plan=line.group.get("plan", ""),
        code=line.code,
        whole=line.key.removesuffix(ADJUSTED),
        currency=line.invoice.currency,
        amount=line.amount,
        start=line.period_start,
        end=line.period_end,
    )


def _added(before: BilledFee, one: BilledFee) -> BilledFee:
    return replace(
        before,
        amount=EXACT.add(before.amount, one.amount),
        start=min(before.start, one.start),
        end=max(before.end, one.end),
    )


def _months(month: str, zone: str) -> tuple[Period, Period]:
    return month_period(month, zone), month_period(next_month(month), zone)


def next_month(month: str) -> str:
    """The month after one, as YYYY-MM."""
    first = date.fromisoformat(f"{month}-01") + timedelta(days=31)
    return f"{first:%Y-%m}"
