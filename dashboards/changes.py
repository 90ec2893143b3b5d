"""What changed, in whole sentences with the money in them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from billing.queries import EfficiencyRow
from billing.rating.money import EXACT, ROUNDED, ZERO
from dashboards import formats
from dashboards.bursts import BiggestBurst
from dashboards.cards import UNPRICED, known
from dashboards.charts.efficiency import LINE
from dashboards.pace import moved_said, pace_said
from dashboards.ranges import DateRange
from dashboards.rows import QUARANTINE_MOST, OverviewRows
from dashboards.said import Said
from metering.queries import Quarantined
from metering.usage.period import EPOCH

_AGENTS = 2
# What is less than this share of the spend is no news.
_WORTH_SAYING = Decimal("0.01")


def changes(
    rows: OverviewRows, burst: BiggestBurst | None, dates: DateRange, currency: str
) -> list[Said]:
    """The sentences, what is unknown first; one that says so if there is nothing to say."""
    found = [
        *_unpriced(rows.total.unpriced),
        *pace_said(rows, dates, currency),
        *moved_said(rows, dates, currency),
        *_repeated(rows, dates, currency),
        *_under_the_line(rows, dates, currency),
        *_burst(burst, dates, currency),
        *_wasted(rows.total, dates, currency),
        *_quarantined(rows.quarantined),
    ]
    nothing = "Nothing out of the ordinary: no waste worth naming and no burst above a baseline."
    return found or [Said(format_html("{}", nothing))]


def _unpriced(names: list[str]) -> Iterator[Said]:
    if names:
        listed = format_html_join(", ", "<b>{}</b>", ((name,) for name in names))
        sentence = format_html(
            "No price is known for {}. What it cost is unknown and in none of these amounts.",
            listed,
        )
        yield Said(sentence)


def _repeated(rows: OverviewRows, dates: DateRange, currency: str) -> Iterator[Said]:
    """The agents that would save most if what they repeat were cached."""
    savings = [(row.saving_in_reach, row) for row in rows.by_agent if row.saving_in_reach]
    savings.sort(key=lambda item: (-(item[0] or ZERO), item[1].group["agent"]))
    for saving, row in savings[:_AGENTS]:
        if saving and saving >= _threshold(rows):
            sentence = format_html(
                "<b>{}</b> repeats {} of its prompt tokens."
                " Reading them from a cache would have saved <b>{}</b>.",
                row.group["agent"],
                formats.percent(row.sums.repeated_share),
                formats.money(saving, currency),
            )
            yield Said(sentence, f"{_page('efficiency', dates)}#prompts", "See prompts")


def _under_the_line(rows: OverviewRows, dates: DateRange, currency: str) -> Iterator[Said]:
    under = [
        row for row in rows.by_day if row.sums.hit_rate is not None and row.sums.hit_rate < LINE
    ]
    if not under:
        return
    days = {date.fromisoformat(row.group["day"]) for row in under}
    repeated = _sum([day.repeated for day in rows.spend if day.date in days])
    sentence = format_html(
        "Hit rate was <b>under 70{}%</b> {}, {}. Context computed again {} cost <b>{}</b>.",
        formats.NBSP,
        _on_days(sorted(days), len(rows.spend)),
        _lowest(under),
        "that day" if len(days) == 1 else "on these days",
        formats.money(repeated, currency),
    )
    yield Said(sentence, _page("efficiency", dates), "Efficiency")


def _lowest(under: Sequence[EfficiencyRow]) -> str:
    row = min(under, key=lambda row: row.sums.hit_rate or ZERO)
    rate = formats.percent(row.sums.hit_rate)
    if len(under) == 1:
        return f"at {rate}"
    return f"lowest with {rate} on {formats.day(date.fromisoformat(row.group['day']))}"


def _burst(burst: BiggestBurst | None, dates: DateRange, currency: str) -> Iterator[Said]:
    if burst is None or not burst.above_baseline:
        return
    begun = (EPOCH + timedelta(microseconds=burst.at_us)).astimezone(ZoneInfo(dates.zone))
    sentence = format_html(
        "The biggest burst, on {}, took <b>{} chips</b> of {} and lasted {}. {}",
        formats.day(begun),
        formats.count(burst.chips),
        burst.row.chip,
        formats.duration(burst.seconds),
        _against_reserved(burst, currency),
    )
    chip = urlencode({"chip": burst.row.chip})
    yield Said(sentence, f"{_page('bursts', dates)}&{chip}", "Bursts")


def _against_reserved(burst: BiggestBurst, currency: str) -> SafeString:
    row = burst.row
    if row.amount is None or row.reserved_peak_amount is None:
        return format_html("It is <b>{}</b>: no contract covers all work of this chip.", UNPRICED)
    more = EXACT.subtract(row.reserved_peak_amount, row.amount)
    return format_html(
        "All bursts with their baseline come to {}; reserved for this peak, the chips would have"
        " cost <b>{} {}</b>.",
        formats.money(row.amount, currency),
        formats.money(abs(more), currency),
        "more" if more >= 0 else "less",
    )


def _wasted(total: EfficiencyRow, dates: DateRange, currency: str) -> Iterator[Said]:
    calls, spend = total.cost.calls, known(total.cost)
    wasted = EXACT.add(calls.failed, calls.retried)
    if not spend or wasted < spend * _WORTH_SAYING:
        return
    sentence = format_html(
        "Failed tasks and retries took <b>{}</b> of token cost, {} of spend.",
        formats.money(wasted, currency),
        formats.percent(ROUNDED.divide(wasted, spend)),
    )
    yield Said(sentence, f"{_page('tasks', dates)}&status=failed&sort=cost", "Failed tasks")


def _quarantined(refused: Sequence[Quarantined]) -> Iterator[Said]:
    """How many events were refused, and the most frequent reason."""
    if not refused:
        return
    reasons = Counter(row.detail for row in refused)
    ((reason, times),) = reasons.most_common(1)
    many = len(refused) > QUARANTINE_MOST
    number = f"More than {formats.count(QUARANTINE_MOST)}" if many else formats.count(len(refused))
    sentence = format_html(
        "{} event{} in <b>quarantine</b>, counted and billed nowhere{}: {}.",
        number,
        " waits" if len(refused) == 1 else "s wait",
        "" if len(reasons) == 1 else f", {formats.count(times)} of them because",
        reason.rstrip("."),
    )
    yield Said(sentence, f"{reverse('ingestion')}#quarantine", "Repair")


def _page(name: str, dates: DateRange) -> str:
    return f"{reverse(name)}?{dates.query}"


def _on_days(days: Sequence[date], of: int) -> str:
    """One day, days in a row, or how many of how many."""
    if len(days) == 1:
        return f"on {formats.day(days[0])}"
    if all((after - before).days == 1 for before, after in pairwise(days)):
        return f"from {formats.day(days[0])} to {formats.day(days[-1])}"
    return f"on {len(days)} of {of} days"


def _threshold(rows: OverviewRows) -> Decimal:
    return known(rows.total.cost) * _WORTH_SAYING


def _sum(amounts: Sequence[Decimal]) -> Decimal:
    total = ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total
