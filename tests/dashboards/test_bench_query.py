"""`bench query`: a read beside the queries that it asks."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.http import HttpResponse
from django.test import RequestFactory

from dashboards.bench import query
from metering.bench.replaying import ASK, BARE, QUERIES, ReplayQueries
from metering.clickhouse.connection import command, select


@pytest.mark.usefixtures("store")
def test_the_queries_of_an_answer_are_asked_again_and_nothing_else_is() -> None:
    def view(request: object) -> HttpResponse:
        select("SELECT %(n)s", {"n": 1})
        command("OPTIMIZE TABLE conflicts")
        return HttpResponse(str(select("WITH 1 AS a SELECT a + %(n)s", {"n": 1})))

    answer = ReplayQueries(view)(RequestFactory().get("/", headers={ASK: "1"}))
    assert isinstance(answer, HttpResponse)
    assert (answer.content, answer[QUERIES]) == (b"[(2,)]", "2")
    assert float(answer[BARE]) > 0
    plain = ReplayQueries(view)(RequestFactory().get("/"))
    assert BARE not in plain


def test_too_few_events_are_refused() -> None:
    with pytest.raises(CommandError, match="--events must be at least 1000"):
        call_command("bench", "query", "--events", "10")


def test_a_person_reads_every_figure() -> None:
    read = query.ReadResult(
        events=1_000_000, read="usage", queries=3, read_ms=20.5, queries_ms=10.25, ratio=2.0
    )
    text = query._table(query.QueryResult(reads=[read], growth={"usage": 1.25}))
    assert "1,000,000  usage" in text
    assert "3 in 10.2 ms" in text
    assert "growth of usage: 1.25" in text


@pytest.mark.slow
def test_every_read_is_measured_at_both_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("bench", "query", "--events", "1000", "4000", "--turns", "1", "--json")
    found = json.loads(capsys.readouterr().out)
    assert [(read["events"], read["read"]) for read in found["reads"]] == [
        (events, name) for events in (1000, 4000) for name in query.READS
    ]
    assert all(read["queries"] > 0 and read["read_ms"] > 0 for read in found["reads"])
    assert set(found["growth"]) == set(query.READS)
