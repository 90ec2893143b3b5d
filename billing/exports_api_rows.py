"""The finance files over HTTP, as they are described."""

from billing.exports.ask import FOCUS_VERSIONS, JOURNAL_FORMATS
from billing.exports.job import ExportJob
from billing.exports.registry import EXPORTS
from metering.openapi.describe import parameter, path
from metering.openapi.schemas import (
    Schema,
    component,
    count,
    labelled,
    moment,
    nullable,
    record,
    text,
)

_MONTH: Schema = {"type": "string", "pattern": r"^20[0-9]{2}-(0[1-9]|1[0-2])$"}
EXPORT = (
    path("kind", text("Which file.", *EXPORTS)),
    parameter("period", _MONTH, "A month, such as 2026-10.", required=True),
    parameter("focus_version", text("Of focus: whose columns; 1.2 when absent.", *FOCUS_VERSIONS)),
    parameter("format", text("Of journal: who imports it; generic if absent.", *JOURNAL_FORMATS)),
    parameter(
        "part",
        {"type": "integer", "minimum": 1, "maximum": 99_999},
        "Of a journal for xero: which of its files, where it takes several.",
    ),
)
ASKED = component(
    "ExportAsked",
    record(
        {
            "kind": text("Which file.", *EXPORTS),
            "period": _MONTH | {"description": "A month, such as 2026-10."},
            "focus_version": text("Of focus.", *FOCUS_VERSIONS),
            "format": text("Of journal.", *JOURNAL_FORMATS),
            "part": {"type": "string", "pattern": "^[0-9]{1,5}$", "description": "Of xero."},
        },
        optional=("focus_version", "format", "part"),
        of="A file to be made.",
    ),
)
JOB = component(
    "ExportJob",
    record(
        {
            "id": {"type": "string", "format": "uuid", "description": "Of the job."},
            "kind": text("Which file.", *EXPORTS),
            "period": text("Its month."),
            "options": labelled("What was asked beside."),
            "status": text("How far it is.", *ExportJob.Status.values),
            "rows": count("Written so far."),
            "expected_rows": nullable(count("It has at most so many.")),
            "bytes": nullable(count("How long the file is, once it is done.")),
            "sha256": nullable(text("Its checksum, in hexadecimal.")),
            "problem": nullable(text("Why it failed.")),
            "created_at": moment("When it was asked for."),
            "finished_at": nullable(moment("When it was done.")),
            "expires_at": nullable(moment("Until when the file is there.")),
            "url": nullable(text("Where to fetch it, without a key; null when it is not there.")),
        },
        of="A file that is made by a worker.",
    ),
)
SIGNATURE = parameter("signature", text("Of a link; in place of a key."))
