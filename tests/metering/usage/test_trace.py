"""Whose work a span is, as a function of the spans that are known."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from metering.usage.trace import TASK, TOKENS, TOOL, Staged, Traces, Wanted

BODY = b'{"time": "2026-10-05T12:00:00Z", "data": {}}'


def staged(span: int, parent: int | None, kind: str, **rest: Any) -> Staged:
    above = "" if parent is None else f"{parent}"
    return Staged("t", f"{span}", above, kind, service="svc", body=BODY if kind else b"", **rest)


@st.composite
def forests(draw: st.DrawFn) -> list[Staged]:
    """Spans of a trace; a parent may be unknown, or among its own children."""
    size = draw(st.integers(1, 8))
    return [
        staged(
            n,
            draw(st.none() | st.integers(0, size)),
            draw(st.sampled_from(["", TASK, TASK, TOKENS, TOOL])),
            agent=draw(st.sampled_from(["a", "b"])),
            told_by=draw(st.integers(1, 3)),
            received_at=n,
        )
        for n in range(size)
    ]


def answers(spans: list[Staged]) -> dict[str, Wanted]:
    return {wanted.ids[0]: wanted for wanted in Traces(spans).wanted({"t"})}


@given(forests(), st.randoms())
def test_the_order_of_spans_and_copies_change_no_answer(spans: list[Staged], random: Any) -> None:
    mixed = spans + random.sample(spans, len(spans) // 2)
    random.shuffle(mixed)
    bodies = {id_: (w.ids, w.body) for id_, w in answers(spans).items()}
    assert {id_: (w.ids, w.body) for id_, w in answers(mixed).items()} == bodies


@given(forests())
def test_every_call_tool_and_task_is_wanted_once(spans: list[Staged]) -> None:
    assert sorted(id_ for w in answers(spans).values() for id_ in w.ids) == sorted(
        span.id for span in spans if span.type
    )


@given(forests())
def test_more_spans_make_a_larger_version(spans: list[Staged]) -> None:
    fewer = answers(spans[:-1])
    for id_, wanted in answers(spans).items():
        assert id_ not in fewer or wanted.version > fewer[id_].version


def test_the_nearest_agent_above_counts_however_deep() -> None:
    chain = [staged(n, n + 1, "") for n in range(1, 50)]
    spans = [staged(0, 1, TOKENS), *chain, staged(50, 51, TASK, agent="near")]
    spans.append(staged(51, None, TASK, agent="far"))
    event = json.loads(answers(spans)["t/0"].body)
    assert (event["subject"], event["data"]) == ("near", {"task": "t/50"})


def test_spans_of_one_call_are_ranked_by_what_they_tell_and_then_by_arrival() -> None:
    spans = [
        staged(1, None, TOKENS, response="r", told_by=3, received_at=2),
        staged(2, None, TOKENS, response="r", told_by=3, received_at=1),
        staged(3, None, TOKENS, response="r", told_by=4, received_at=3),
        staged(4, None, TOKENS, response="other", told_by=9),
    ]
    assert [w.ids for w in answers(spans).values()] == [("t/4",), ("t/3", "t/2", "t/1")]
