"""Routing a statement needs little of the grammar, but that little right."""

import pytest

from metering.clickhouse.embedded.errors import ServerError
from metering.clickhouse.embedded.statement import Statement, insert_target, parse, plain_names

ROUTED = [
    ("SELECT 1;", Statement("SELECT 1", "SELECT")),
    ("-- a\n/* b; */ with x as (select 1) select x", None),
    ("(SELECT 1) UNION ALL (SELECT 2)", None),
    ("SELECT 'a;b' AS `c;d`, \"e;f\"", None),
    ("SELECT $$;$$", None),
    ("SELECT 1 FORMAT JSON", Statement("SELECT 1 ", "SELECT")),
    ("SELECT 1 FORMAT Null SETTINGS a = 1", Statement("SELECT 1  SETTINGS a = 1", "SELECT")),
    ("SELECT format, format FROM t", None),
    ("SELECT format('{}', x) FROM t", None),
    ("SHOW TABLES FORMAT TSV", Statement("SHOW TABLES ", "SHOW")),
    ("CREATE TABLE t (a Int8) ENGINE = Memory", None),
    ("INSERT INTO t VALUES", Statement("INSERT INTO t", "INSERT DATA")),
    ("insert into `values` (`format`) values;", None),
    ("INSERT INTO t (a) SETTINGS x = 1 FORMAT Native", None),
    ("INSERT INTO t SELECT a AS values FROM u", None),
    ("INSERT INTO t (SELECT 1)", None),
    ("INSERT INTO t WITH 1 AS x SELECT x", None),
    ("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", None),
]
KINDS = [
    *("SELECT", "SELECT", "SELECT", "SELECT", "SELECT", "SELECT", "SELECT", "SELECT", "SELECT"),
    *("SHOW", "CREATE", "INSERT DATA", "INSERT DATA", "INSERT DATA"),
    *("INSERT", "INSERT", "INSERT", "WITH"),
]


@pytest.mark.parametrize(
    ("text", "expected", "kind"),
    [(*row, kind) for row, kind in zip(ROUTED, KINDS, strict=True)],
    ids=[text for text, _ in ROUTED],
)
def test_a_statement_is_routed_by_its_kind(
    text: str, expected: Statement | None, kind: str
) -> None:
    parsed = parse(text)
    assert parsed.kind == kind
    if expected is not None:
        assert parsed == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", 62),
        (" ; -- nothing", 62),
        ("SELECT 1; SELECT 2", 62),
        ("INSERT INTO t VALUES (1)", 48),
        ("INSERT INTO t FORMAT CSV 1,2", 48),
        ("SELECT 1 INTO OUTFILE 'x'", 48),
        ("SELECT a, count() FROM t GROUP BY a WITH TOTALS", 48),
    ],
)
def test_what_cannot_be_answered_is_refused(text: str, code: int) -> None:
    with pytest.raises(ServerError) as refused:
        parse(text)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("head", "target"),
    [
        ("INSERT INTO t", ("t", None)),
        ("INSERT INTO TABLE db.t (a, b)", ("db.t", "a, b")),
        ("insert into `d b`.`t` (`a b`)", ("`d b`.`t`", "`a b`")),
        ("INSERT INTO t SETTINGS x = 1", ("t", None)),
        ("INSERT INTO t (a) SETTINGS x = 1", ("t", "a")),
        ("INSERT INTO FUNCTION remote('x', db.t) (a)", ("remote('x', db.t)", "a")),
        ("INSERT INTO function", ("function", None)),
    ],
)
def test_the_target_of_an_insert_is_found(head: str, target: tuple[str, str | None]) -> None:
    assert insert_target(head) == target


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        ("a", ["a"]),
        (' a , `b c`,\n"d"', ["a", "b c", "d"]),
        ("n.x", ["n.x"]),
        ("*", None),
        ("* EXCEPT (a)", None),
        ("COLUMNS('a')", None),
    ],
)
def test_a_list_of_plain_names_is_told_from_an_expression(
    columns: str, names: list[str] | None
) -> None:
    assert plain_names(columns) == names
