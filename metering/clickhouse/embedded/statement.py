"""What kind of statement a text holds: just enough of ClickHouse's grammar to route it."""

import itertools
import re
from dataclasses import dataclass
from typing import NamedTuple

from metering.clickhouse.embedded.errors import NOT_IMPLEMENTED, SYNTAX_ERROR, ServerError

_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|\#[ !][^\n]*|/\*.*?\*/)
      | (?P<quoted>'(?:[^'\\]+|\\.|'')*'|"(?:[^"\\]+|\\.|"")*"|`(?:[^`\\]+|\\.|``)*`
                  |\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
      | (?P<word>\w+)
      | (?P<sign>.)""",
    re.DOTALL | re.VERBOSE,
)
_NAME = r"\s*(?:\w+(?:\.\w+)*|`[\w. ]+`|\"[\w. ]+\")\s*"
_NAMES = re.compile(rf"{_NAME}(?:,{_NAME})*")
_READS = ("SELECT", "WITH", "FROM", "(")
_ANSWERS = ("SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS", "CHECK")


class Token(NamedTuple):
    """A word or sign outside all parentheses, in capitals, and where it stands."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: its text for the engine and how it is to be run."""

    text: str
    kind: str

    @property
    def streams(self) -> bool:
        """Whether it is a query whose rows may be more than memory holds."""
        return self.kind == "SELECT"

    @property
    def answers(self) -> bool:
        """Whether an answer without rows still has columns."""
        return self.kind in _ANSWERS

    @property
    def takes_data(self) -> bool:
        """Whether it is an INSERT whose rows the client sends."""
        return self.kind == "INSERT DATA"


def tokens(text: str) -> list[Token]:
    """The tokens outside parentheses; a parenthesised part is one token `(`."""
    found, depth, opened = [], 0, 0
    for match in _TOKEN.finditer(text):
        if match.lastgroup == "space":
            continue
        sign = match["sign"]
        if sign in ("(", "[", "{"):
            opened, depth = (opened if depth else match.start()), depth + 1
        elif sign in (")", "]", "}") and depth:
            depth -= 1
            if not depth:
                found.append(Token("(", opened, match.end()))
        elif not depth:
            found.append(Token(match[0].upper(), match.start(), match.end()))
    return found if not depth else [*found, Token("(", opened, len(text))]


def parse(text: str) -> Statement:
    """The statement in `text`; refuses several of them and what cannot be answered here."""
    found = tokens(text)
    ends = [position for position, token in enumerate(found) if token.text == ";"]
    if ends:
        if any(token.text != ";" for token in found[ends[0] :]):
            raise ServerError(SYNTAX_ERROR, "Syntax error: multi-statements are not allowed")
        text, found = text[: found[ends[0]].start], found[: ends[0]]
    if not found:
        raise ServerError(SYNTAX_ERROR, "Syntax error: empty query")
    return _classify(text, found)


def _classify(text: str, found: list[Token]) -> Statement:
    words = [token.text for token in found]
    if words[0] == "INSERT":
        return _insert(text, found)
    if words[0] in _READS and ("INSERT", "INTO") not in itertools.pairwise(words):
        _refuse_unanswerable(words)
        return Statement(_without_format(text, found), "SELECT")
    if words[0] in _ANSWERS:
        return Statement(_without_format(text, found), words[0])
    return Statement(text, words[0])


def _refuse_unanswerable(words: list[str]) -> None:
    pairs = set(itertools.pairwise(words))
    if ("INTO", "OUTFILE") in pairs:
        raise ServerError(NOT_IMPLEMENTED, "INTO OUTFILE is a matter of the client")
    if ("WITH", "TOTALS") in pairs:
        raise ServerError(NOT_IMPLEMENTED, "WITH TOTALS is not supported by the embedded server")


def _without_format(text: str, found: list[Token]) -> str:
    """The native protocol has one format: a FORMAT clause is the client's own affair."""
    for position, token in enumerate(found[1:-1], 1):
        after = found[position + 2].text if position + 2 < len(found) else "SETTINGS"
        if token.text == "FORMAT" and after == "SETTINGS":
            return text[: token.start] + text[found[position + 1].end :]
    return text


def _insert(text: str, found: list[Token]) -> Statement:
    """An INSERT with rows to come is cut before VALUES or FORMAT, as the engine wants it."""
    words = [token.text for token in found]
    for position, token in enumerate(found[2:], 2):
        if token.text in ("SELECT", "WITH", "INFILE", "WATCH"):
            break
        if token.text in ("VALUES", "FORMAT") and words[position - 1] not in ("INTO", ".", "TABLE"):
            _refuse_inline_rows(found[position + (2 if token.text == "FORMAT" else 1) :])
            return Statement(text[: token.start].rstrip(), "INSERT DATA")
    return Statement(text, "INSERT")


def _refuse_inline_rows(rest: list[Token]) -> None:
    if rest:
        message = "Rows inside an INSERT are parsed by clients: send them as data, or use SELECT"
        raise ServerError(NOT_IMPLEMENTED, message)


def insert_target(head: str) -> tuple[str, str | None]:
    """Of an INSERT cut before its data: the table (or function call), and its column list."""
    found = tokens(head)
    first = next(n for n, token in enumerate(found) if token.text == "INTO") + 1
    if found[first].text in ("TABLE", "FUNCTION") and first + 1 < len(found):
        is_function = found[first].text == "FUNCTION"
        first += 1
    else:
        is_function = False
    last = first
    while last + 2 < len(found) and found[last + 1].text == ".":
        last += 2
    if is_function:
        last += 1
    table = head[found[first].start : found[last].end]
    rest = found[last + 1 :]
    columns = head[rest[0].start + 1 : rest[0].end - 1] if rest and rest[0].text == "(" else None
    return table, columns


def plain_names(columns: str) -> list[str] | None:
    """The names in a column list, or none if it holds anything but names."""
    found = _NAMES.fullmatch(columns)
    if found is None:
        return None
    return [name.strip().strip('`"') for name in columns.split(",")]
