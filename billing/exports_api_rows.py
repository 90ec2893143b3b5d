"""The finance files over HTTP, as they are described."""

from billing.exports.ask import FOCUS_VERSIONS, JOURNAL_FORMATS
from billing.exports.registry import EXPORTS
from metering.openapi.describe import parameter, path
from metering.openapi.schemas import Schema, text

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
