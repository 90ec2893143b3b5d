"""The page of bursts put together: level, credits, what reserved chips would have cost, what-if."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from billing.burst_queries import BurstRow, burst_chips, burst_row
from billing.rating.money import ZERO
from billing.terms import read_contracts
from billing.what_if import WhatIf, what_if
from billing.what_if_rows import amount_parts
from dashboards import formats
from dashboards.bursts import biggest_burst
from dashboards.cards import UNPRICED
from dashboards.charts import baselines, burst_credits, reserved
from dashboards.charts.reserved import Bar
from dashboards.charts.steps import Steps
from dashboards.pages import BurstPart, Chart, Fact, burst_part, chart_of
from dashboards.ranges import DateRange
from metering.models import Tenant
from metering.usage.burst_terms import credits_over_time

# Of more the search takes longer than somebody waits for a page; the command has the time.
_MOST_STEPS = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstPage:
    """What the template shows of one chip; `problem` says why there is no what-if."""

    chip: str
    chips: list[str]
    cards: list[tuple[str, str, str]]
    level: BurstPart | None
    credits: Chart | None
    paid: Chart | None
    baselines: Chart | None
    facts: list[Fact] = field(default_factory=list)
    problem: str = ""


def burst_page(tenant: Tenant, dates: DateRange, chip: str) -> BurstPage | None:
    """One chip in a range, the first by name where none is asked for; None without any chip."""
    chips = burst_chips(tenant, dates.period)
    if not chips:
        return None
    shown = chip if chip in chips else chips[0]
    contracts = [c for c in read_contracts(tenant, dates.period) if c.chip == shown]
    row = burst_row(tenant, shown, dates.period, contracts)
    found, problem = _what_if(tenant, dates, row)
    burst = biggest_burst([row], dates)
    currency = tenant.currency
    return BurstPage(
        chip=shown,
        chips=chips,
        cards=_cards(row, found, currency),
        level=None if burst is None else burst_part(burst, dates, currency),
        credits=_credits_chart(row, dates),
        paid=_paid_chart(row, found, currency),
        baselines=_baselines_chart(row, found, currency) if found else None,
        facts=_facts(found, currency) if found else [],
        problem=problem,
    )


def _what_if(tenant: Tenant, dates: DateRange, row: BurstRow) -> tuple[WhatIf | None, str]:
    if row.contract is None:
        return None, f"{row.chip} has no contract here, so its work has no price."
    if len(row.usage.level.times) > _MOST_STEPS:
        command = f"manage.py what_if --tenant {tenant.slug} --chip {row.chip}"
        return None, f"The level changes too often here to be searched on a page; run: {command}"
    return what_if(tenant, row.chip, dates.period, actual=row), ""


def _cards(row: BurstRow, found: WhatIf | None, currency: str) -> list[tuple[str, str, str]]:
    cards = [
        (
            "Amount as bursts",
            _money(row.amount, currency),
            "baseline, bursts, idle and cold starts",
        ),
        (
            "Reserved for the peak",
            _money(row.reserved_peak_amount, currency),
            _saved(row.saving),
        ),
        (
            "Reserved hour by hour",
            _money(row.reserved_hourly_amount, currency),
            _saved(row.hourly_saving),
        ),
    ]
    if found:
        best = found.best
        name = f"{formats.count(best.contract.baseline)} chips"
        note = f"would have cost {formats.money(best.rated.amount, currency)}"
        cards.append(("Least-cost baseline", name, note))
    return cards


def _credits_chart(row: BurstRow, dates: DateRange) -> Chart | None:
    """Of each contract its own credits, one after the other; none where none can be saved."""
    if not any(part.usage.terms.saves for part in row.parts):
        return None
    line: Steps = []
    for part in row.parts:
        line += credits_over_time(part.usage.level, part.usage.terms, part.opening_credits)
    figure = burst_credits.figure(line, dates.period, dates.zone)
    words = "Line: burst credits, earned below the baseline and spent above it"
    return chart_of("credits", figure, words, burst_credits.table(line, dates.period, dates.zone))


def _paid_chart(row: BurstRow, found: WhatIf | None, currency: str) -> Chart | None:
    peak, hourly = row.reserved_peak_amount, row.reserved_hourly_amount
    if row.amount is None or peak is None or hourly is None:
        return None
    lines = [line for part in row.parts for line in part.rated.lines]
    bars = [_bar("As bursts", tuple(amount_parts(lines).values()))]
    if found:
        best = found.best
        name = f"Baseline {formats.count(best.contract.baseline)}"
        bars.append(_bar(name, tuple(amount_parts(best.rated.lines).values())))
    bars += [_bar("Hourly", (), hourly), _bar("Peak", (), peak)]
    words = "Bars: the same work paid for as bursts and as reserved chips"
    return chart_of("paid", reserved.figure(bars, currency), words, reserved.table(bars, currency))


def _bar(name: str, parts: Sequence[Decimal], held: Decimal = ZERO) -> Bar:
    return Bar(name, (*(parts or (ZERO,) * (len(reserved.PARTS) - 1)), held))


def _baselines_chart(row: BurstRow, found: WhatIf, currency: str) -> Chart:
    best = found.best.contract.baseline
    current = None
    if len(row.parts) == 1 and row.amount is not None:
        current = row.baseline, row.amount
    curve = baselines.near(found.curve, max(found.curve[0][1], row.amount or ZERO))
    figure = baselines.figure(curve, best, current, currency)
    words = "Line: what the range would have cost by how many chips its baseline had been"
    return chart_of("baselines", figure, words, baselines.table(curve, best, currency))


def _facts(found: WhatIf, currency: str) -> list[Fact]:
    least, best = found.least, found.best
    return [
        ("Least-cost baseline", f"{formats.count(best.contract.baseline)} chips"),
        ("Amount with it", formats.money(best.rated.amount, currency)),
        ("Searched in steps of", f"{formats.count(least.step)} chips"),
        ("Baselines tried", formats.count(least.evaluated)),
        ("None costs less than", formats.money(found.at_least, currency)),
        ("Credits at the start", f"{formats.count(round(found.opening_credits))} chip-seconds"),
    ]


def _saved(share: Decimal | None) -> str:
    if share is None:
        return formats.NONE
    words = "saved by bursts" if share >= 0 else "more as bursts"
    return f"{formats.percent(abs(share))} {words}"


def _money(amount: Decimal | None, currency: str) -> str:
    return UNPRICED if amount is None else formats.money(amount, currency)
