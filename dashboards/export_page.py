"""The page of exports as it is written: what can be had, and what was asked for lately."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from billing.exports.ask import Ask, ExportError, read_ask
from billing.exports.job import ExportJob
from dashboards import formats
from dashboards.ranges import recent_months

MONTHS = 24
LISTED = 20
_LOOKS = {"done": "good", "failed": "bad", "running": "warn", "queued": "warn"}


@dataclass(frozen=True, slots=True)
class File:
    """A file to choose: its kind with an option, as the form sends it."""

    value: str
    name: str
    holds: str


FILES = (
    File("invoices", "Invoices", "a row an invoice, with its totals"),
    File("lines", "Invoice lines", "every line, exact and rounded"),
    File("usage", "Usage by day", "agent and model on each day, with the cost"),
    File("tasks", "Tasks", "what each task used, cost and brought in"),
    File("focus", "FOCUS 1.2", "charges for a cloud cost tool"),
    File("focus focus_version=1.3", "FOCUS 1.3", "the same, for a newer one"),
    File("journal", "Journal", "entries with debit and credit, for any bookkeeping"),
    File("journal format=xero", "Journal for Xero", "its import of manual journals"),
    File("journal format=quickbooks", "Journal for QuickBooks", "its import of journal entries"),
    File("journal format=netsuite", "Journal for NetSuite", "its import of journal entries"),
)
_NAMES = {file.value: file.name for file in FILES}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobText:
    """A job as it is written."""

    id: str
    name: str
    month: str
    status: str
    look: str
    open: bool
    available: bool
    rows: int
    expected: int | None
    progress: str
    size: str
    sha256: str
    until: str
    problem: str


def read_choice(choice: str, month: str, part: str = "") -> Ask:
    """What the form asks for. Raises ExportError."""
    if choice not in _NAMES:
        raise ExportError("file", "choose one of the list")
    kind, _, option = choice.partition(" ")
    options = dict([option.split("=")]) if option else {}
    return read_ask(kind, month, options | ({"part": part} if part else {}))


def months(today: date) -> list[tuple[str, str]]:
    """The months to choose from, the one before this first, for that one is over."""
    found = recent_months(today, MONTHS)
    return [(f"{month:%Y-%m}", f"{month:%B %Y}") for month in (found[1], found[0], *found[2:])]


def job_list(jobs: Iterable[ExportJob], zone: str) -> list[JobText]:
    """The latest first."""
    return [_job(job, ZoneInfo(zone)) for job in jobs]


def _job(job: ExportJob, clock: ZoneInfo) -> JobText:
    until = job.expires_at
    return JobText(
        id=str(job.pk),
        name=_name(job),
        month=f"{date.fromisoformat(f'{job.month}-01'):%B %Y}",
        status=ExportJob.Status(job.status).label,
        look=_LOOKS.get(job.status, ""),
        open=job.open,
        available=job.available,
        rows=job.rows,
        expected=job.expected_rows,
        progress=_progress(job),
        size=_size(job.size) if job.sha256 else formats.NONE,
        sha256=job.sha256,
        until=formats.clock(until.astimezone(clock)) if until else formats.NONE,
        problem=job.problem,
    )


def _name(job: ExportJob) -> str:
    words = [job.kind, *(f"{n}={v}" for n, v in job.options.items() if n != "part")]
    part = f", part {job.options['part']}" if "part" in job.options else ""
    return _NAMES.get(" ".join(words), job.kind) + part


def _progress(job: ExportJob) -> str:
    rows = f"{formats.count(job.rows)} row{'' if job.rows == 1 else 's'}"
    if job.open and job.expected_rows:
        return f"{rows} of at most {formats.count(job.expected_rows)}"
    return rows


def _size(size: int) -> str:
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:,.1f}{formats.NBSP}{unit}"
    return f"{size}{formats.NBSP}bytes"
