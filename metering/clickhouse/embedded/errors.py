"""Errors as ClickHouse names them: a number and a sentence."""

import re

NO_SUCH_COLUMN_IN_TABLE = 16
BAD_ARGUMENTS = 36
CHECKSUM_DOESNT_MATCH = 40
NOT_IMPLEMENTED = 48
LOGICAL_ERROR = 49
UNKNOWN_TABLE = 60
SYNTAX_ERROR = 62
UNKNOWN_COMPRESSION_METHOD = 89
UNKNOWN_PACKET_FROM_CLIENT = 100
UNEXPECTED_PACKET_FROM_CLIENT = 101
UNKNOWN_SETTING = 115
READONLY = 164
BLOCKS_HAVE_DIFFERENT_STRUCTURE = 171
QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING = 216
QUERY_WAS_CANCELLED = 394
AUTHENTICATION_FAILED = 516

_CODED = re.compile(r"Code: (\d+)\. (DB::.*)", re.DOTALL)
_VERSION = re.compile(r" \(version [\w.]+\)\s*$")


class EmbeddedError(Exception):
    """Why the embedded server could not be started, reached or stopped: one sentence."""


class ServerError(Exception):
    """What a client is told: a ClickHouse error code and its message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message if message.startswith("DB::") else f"DB::Exception: {message}"


class ProtocolError(ServerError):
    """After which what the client sends can no longer be understood."""


def from_engine(error: Exception) -> ServerError:
    """The engine's own code and message, which it gives only as text."""
    found = _CODED.search(str(error))
    if found is None:
        return ServerError(LOGICAL_ERROR, str(error))
    return ServerError(int(found[1]), _VERSION.sub("", found[2]))
