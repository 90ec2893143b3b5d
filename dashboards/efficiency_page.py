"""The page about efficiency: how much of the tokens helped, what the rest cost, what would help."""

from dataclasses import dataclass
from decimal import Decimal

from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing import queries as billing
from billing.avoided import CacheRow, caches
from billing.queries import EfficiencyRow, GroupCost
from billing.rating.money import ROUNDED
from dashboards import formats
from dashboards.alert_note import alert_note
from dashboards.cards import UNPRICED, Card, known
from dashboards.charts import waterfall
from dashboards.charts.table import Table
from dashboards.charts.waterfall import Bill
from dashboards.pages import Chart, chart_of
from dashboards.prompts import PromptUse, prompt_table, worst_prompts
from dashboards.ranges import DateRange
from metering.alerts import open_alert
from metering.models import Alert, Tenant

ALERTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class EfficiencyRows:
    """All that the page is made of."""

    total: EfficiencyRow
    before: EfficiencyRow | None
    by_model: list[EfficiencyRow]
    prompts: dict[str, PromptUse]
    caches: list[CacheRow]
    alert: Alert | None
    alerts: list[Alert]


@dataclass(frozen=True, slots=True, kw_only=True)
class EfficiencyPage:
    """What the template shows."""

    cards: list[Card]
    bill: Chart
    explained: SafeString
    models: Table
    prompts: Table
    caches: Table
    alerts: Table


def read_efficiency(tenant: Tenant, dates: DateRange, *, compare: bool) -> EfficiencyRows:
    """Everything the page shows. Raises StoreUnavailable."""
    (total,) = billing.efficiency(tenant, dates.period)
    before = billing.efficiency(tenant, dates.previous.period)[0] if compare else None
    return EfficiencyRows(
        total=total,
        before=before,
        by_model=billing.efficiency(tenant, dates.period, ("model",)),
        prompts=worst_prompts(tenant, dates),
        caches=caches(tenant, dates.period),
        alert=open_alert(tenant),
        alerts=list(Alert.objects.filter(tenant=tenant)[:ALERTS]),
    )


def efficiency_page(rows: EfficiencyRows, tenant: Tenant, dates: DateRange) -> EfficiencyPage:
    """The page of a range."""
    currency, bill = tenant.currency, bill_of(rows.total.cost)
    words = "Bars: what the range cost, cause by cause, each begun where the one before it ends"
    return EfficiencyPage(
        cards=_cards(rows, tenant, dates),
        bill=chart_of(
            "bill", waterfall.figure(bill, currency), words, waterfall.table(bill, currency)
        ),
        explained=_explained(rows.total, bill, currency),
        models=_models(rows.by_model, currency),
        prompts=prompt_table(rows.prompts, currency),
        caches=_caches(rows.caches, currency),
        alerts=_alerts(rows.alerts, tenant.timezone),
    )


def bill_of(cost: GroupCost) -> Bill:
    """What is known of a cost, as the waterfall wants it."""
    calls, units = cost.calls, cost.units
    return Bill(
        useful=calls.useful,
        repeated=calls.repeated,
        failed=calls.failed,
        retried=calls.retried,
        chips=units.chips,
        tools=units.tools,
    )


def _cards(rows: EfficiencyRows, tenant: Tenant, dates: DateRange) -> list[Card]:
    total, before, currency = rows.total, rows.before, tenant.currency
    rate = _money_rate(total.token_efficiency_cost, total, currency)
    plain = _money_rate(total.cost_per_million_tokens, total, currency)
    earlier = before and before.token_efficiency_cost
    cost_note = f"per million effective tokens, plain {plain}"
    if earlier:
        cost_note += f"; {formats.rate(earlier, currency)} in {dates.previous_name}"
    saving = "unknown" if total.saving_in_reach is None else total.saving_in_reach
    if isinstance(saving, Decimal):
        saving = formats.money(saving, currency)
    tasks = total.work.succeeded if total.work else 0
    return [
        Card("Token-efficiency cost", rate, format_html("{}", cost_note), "#bill"),
        Card(
            "Cache hit rate", formats.percent(total.sums.hit_rate), _hits(rows, tenant), "#alerts"
        ),
        Card(
            "Repeated computation",
            formats.percent(total.sums.repeated_share),
            format_html("of prompt tokens; saving in reach {}", saving),
            "#models",
        ),
        Card(
            "Repeat work",
            formats.percent(total.repeat_work),
            format_html("of {} succeeded tasks had been done before", formats.count(tasks)),
            "#models",
        ),
    ]


def _hits(rows: EfficiencyRows, tenant: Tenant) -> SafeString:
    if rows.alert is not None:
        return alert_note(rows.alert, tenant.timezone)
    read, prompt = rows.total.sums.cache_read_tokens, rows.total.sums.prompt_tokens
    return format_html(
        "{} of {} prompt tokens read from cache", formats.count(read), formats.count(prompt)
    )


def _money_rate(amount: Decimal | None, row: EfficiencyRow, currency: str) -> str:
    if row.cost.calls.unpriced:
        return UNPRICED
    return formats.NONE if amount is None else formats.rate(amount, currency)


def _explained(total: EfficiencyRow, bill: Bill, currency: str) -> SafeString:
    """The bill in sentences, with the money in them."""
    whole = known(total.cost)
    if total.unpriced:
        names = formats.joined(total.unpriced)
        return format_html(
            "Known are <b>{}</b>. No price is known for <b>{}</b>, whose cost is in no bar.",
            formats.money(whole, currency),
            names,
        )
    if not whole:
        return format_html("{}", "Nothing in this range cost anything.")
    return format_html(
        "Of <b>{}</b>, context computed again took <b>{}</b> ({}), failed work {} and retries {}.",
        formats.money(whole, currency),
        formats.money(bill.repeated, currency),
        formats.percent(ROUNDED.divide(bill.repeated, whole)),
        formats.money(bill.failed, currency),
        formats.money(bill.retried, currency),
    )


def _models(by_model: list[EfficiencyRow], currency: str) -> Table:
    ordered = sorted(by_model, key=lambda row: (-known(row.cost), row.group["model"]))
    rows = [
        (
            row.group["model"] or formats.NONE,
            _amount(row.token_cost, currency),
            _money_rate(row.token_efficiency_cost, row, currency),
            _money_rate(row.cost_per_million_tokens, row, currency),
            formats.percent(row.sums.hit_rate),
            formats.percent(row.sums.repeated_share),
            formats.percent(row.sums.efficiency),
            "unknown"
            if row.saving_in_reach is None
            else formats.money(row.saving_in_reach, currency),
        )
        for row in ordered
    ]
    columns = ("Model", "Token cost", "Per M effective", "Per M", "Hit rate", "Repeated")
    return Table((*columns, "Efficiency", "Saving in reach"), rows)


def _caches(found: list[CacheRow], currency: str) -> Table:
    rows = [
        (
            row.cache,
            formats.count(row.lookups),
            formats.count(row.hits),
            formats.percent(row.cache_hit_rate),
            formats.count(row.saved_tokens),
            _amount(row.avoided_cost, currency),
        )
        for row in found
    ]
    return Table(("Cache", "Look-ups", "Hits", "Hit rate", "Saved tokens", "Avoided"), rows)


def _alerts(found: list[Alert], zone: str) -> Table:
    rows = [
        (
            formats.moment(alert.fired_at, zone),
            formats.moment(alert.cleared_at, zone) if alert.cleared_at else "still firing",
            formats.percent(Decimal(alert.lowest)),
            formats.percent(Decimal(alert.value)) if alert.value else formats.NONE,
        )
        for alert in found
    ]
    return Table(("Fired", "Cleared", "Lowest", "Last"), rows)


def _amount(amount: Decimal | None, currency: str) -> str:
    return UNPRICED if amount is None else formats.money(amount, currency)
