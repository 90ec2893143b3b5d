"""Spans into events: keep what is needed of them, then make what is stored agree with it.

What a span becomes depends on spans that arrive later: the agent it works for, a richer span of the
same call. So spans are kept first, and `agree` derives their events from all that are known, as
often as anything changes. It may be killed between any two steps and be run by several at once.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from metering.clickhouse import trace_spans
from metering.clickhouse.amend import Standing, amend, missing
from metering.clickhouse.barrier import store_now
from metering.clickhouse.event_columns import micros
from metering.clickhouse.quarantine import Conflict, Refused, record_conflicts
from metering.clickhouse.rollup import scanned_until
from metering.collectors.otlp import Span
from metering.collectors.span_events import RefusedSpan, stage
from metering.ingest import ingest
from metering.intake import account_spans, new_batch
from metering.models import Tenant
from metering.usage.event import parse_event
from metering.usage.trace import SOURCE, Staged, Traces, Wanted

# Each pass sees what others changed during the last one; more than a few is a storm that the next
# rollup comes back to.
_PASSES = 5
_TRACES_AT_ONCE = 500


@dataclass(slots=True)
class SpanReport:
    """What became of the spans of one request that tell of calls, tools and tasks."""

    accepted: int = 0
    duplicates: int = 0
    conflicts: int = 0
    refused: list[RefusedSpan] = field(default_factory=list)


def ingest_spans(tenant: Tenant, spans: Iterable[Span]) -> SpanReport:
    """Store what the spans tell of, quarantine what cannot be counted; durable on return.

    Raises StoreUnavailable, after which the same spans can be sent again.
    """
    report = SpanReport()
    staged = _staged(spans, report)
    known = trace_spans.spans_of(tenant.id, {span.trace for span in staged})
    fresh = _fresh(tenant, staged, known, report)
    batch = new_batch()
    trace_spans.keep(tenant.id, fresh, batch)
    _leave_out_metered(report, [*staged, *known])
    account_spans(tenant.id, batch, report.accepted, report.duplicates, report.conflicts)
    _count_forgotten(tenant, fresh, report)
    _quarantine(tenant, report.refused)
    agree(tenant, {span.trace for span in staged})
    return report


def agree(tenant: Tenant, traces: Iterable[str]) -> None:
    """Make the stored events of these traces the ones that the spans known now ask for."""
    everything = sorted(set(traces))
    for start in range(0, len(everything), _TRACES_AT_ONCE):
        for _ in range(_PASSES):
            if not _one_pass(tenant, everything[start : start + _TRACES_AT_ONCE]):
                break


def agree_received(tenant: Tenant, until: datetime, since: int | None = None) -> None:
    """Finish what a killed writer left of spans received since the last rollup, or `since` (µs)."""
    if since is None:
        since = scanned_until(tenant.id)
    agree(tenant, trace_spans.touched(tenant.id, since, micros(until)))


def forget_old() -> list[str]:
    """Drop spans older than TRACE_SPANS_DAYS, a month at a time; returns the months.

    Their events are made first, and stay as they are from then on.
    """
    for tenant in Tenant.objects.all():
        agree_received(tenant, store_now())
    return trace_spans.drop_before(store_now() - timedelta(days=settings.TRACE_SPANS_DAYS))


def _staged(spans: Iterable[Span], report: SpanReport) -> list[Staged]:
    now = timezone.now()
    kept = []
    for span in spans:
        staged, refused = stage(span, now)
        if staged:
            kept.append(staged)
        if refused:
            report.refused.append(refused)
    return kept


def _fresh(
    tenant: Tenant, staged: Sequence[Staged], known: Sequence[Staged], report: SpanReport
) -> list[Staged]:
    """The spans that are not kept yet; the first received of each wins for ever."""
    first = {(span.trace, span.span): span for span in known}
    fresh, conflicts = [], []
    for span in staged:
        winner = first.setdefault((span.trace, span.span), span)
        if winner is span:
            fresh.append(span)
        elif winner.content != span.content:
            conflicts.append(Conflict(SOURCE, span.id, span.body))
            report.conflicts += bool(span.type)
    if conflicts:
        record_conflicts(tenant.id, conflicts)
    told = sum(bool(span.type) for span in fresh)
    report.accepted = told
    report.duplicates = sum(bool(span.type) for span in staged) - told
    return fresh


def _count_forgotten(tenant: Tenant, fresh: Sequence[Staged], report: SpanReport) -> None:
    """Another span of a call whose first one was dropped is the same call still."""
    calls = [span.response for span in fresh if span.response]
    gone = trace_spans.remains(tenant.id, calls)
    again = sum(call in gone for call in calls)
    report.accepted -= again
    report.duplicates += again


def _leave_out_metered(report: SpanReport, spans: Sequence[Staged]) -> None:
    """A call of which another span of the trace reports the usage is not unmetered."""
    metered = {(span.trace, span.response) for span in spans if span.response}
    unmetered = [refused for refused in report.refused if refused.call not in metered]
    report.duplicates += len(report.refused) - len(unmetered)
    report.refused = unmetered


def _quarantine(tenant: Tenant, refused: Sequence[RefusedSpan]) -> None:
    if refused:
        ingest(tenant, [Refused(span.body, SOURCE, span.id, span.detail) for span in refused])


def _one_pass(tenant: Tenant, traces: Sequence[str]) -> bool:
    """Whether what is stored may have to be looked at once more."""
    spans = _related(tenant.id, traces)
    known = {key for span in spans for key in (span.trace, span.response) if key}
    gone = trace_spans.remains(tenant.id, known)
    # A call of which a span was dropped has its events, whatever is still known of it.
    left = [s._replace(type="", response="") if s.response in gone else s for s in spans]
    wanted = [_standing(item, gone) for item in Traces(left).wanted(traces)]
    lacking = missing(tenant.id, [item for item, _ in wanted])
    if lacking:
        keys = {item.keys[0] for item in lacking}
        ingest(tenant, [body for item, body in wanted if item.keys[0] in keys], derived=True)
    amended = amend(tenant.id, [item for item, _ in wanted])
    return amended or trace_spans.count(tenant.id, {s.trace for s in spans}) != len(spans)


def _related(tenant: int, traces: Sequence[str]) -> list[Staged]:
    """The spans of these traces, and of others that tell of the same calls."""
    spans = trace_spans.spans_of(tenant, traces)
    calls = {span.response for span in spans if span.response}
    others = trace_spans.traces_of(tenant, calls) - set(traces)
    return spans + trace_spans.spans_of(tenant, others)


def _standing(wanted: Wanted, gone: Collection[str]) -> tuple[Standing, bytes]:
    """In a trace that lost spans to their age what stands knew more, so nothing replaces it."""
    version = 0 if any(id_.split("/")[0] in gone for id_ in wanted.ids) else wanted.version
    event = parse_event(wanted.body, timezone.now())
    others = tuple((SOURCE, id_) for id_ in wanted.ids[1:])
    further = tuple(tuple((SOURCE, id_) for id_ in ids) for ids in wanted.further)
    return Standing(event, version, wanted.received_at, others, further), wanted.body
