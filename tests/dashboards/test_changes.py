"""Sentences with the money in them; what is no news is not said."""

import uuid
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from billing.costs import Cost
from billing.queries import EfficiencyRow, GroupCost, SpendDay
from dashboards.changes import changes
from dashboards.rows import QUARANTINE_MOST
from metering.queries import Quarantined
from metering.usage.efficiency import TokenSums
from tests.dashboards.test_cards import MONTH, ROWS
from tests.dashboards.test_overview_page import plain

D = Decimal
# Nothing to compare with, and too early for a pace.
QUIET = replace(ROWS, before=None, read_at=datetime(2026, 11, 1, 1, tzinfo=UTC))


def say(**fields: object) -> list[str]:
    rows = replace(QUIET, **fields)  # type: ignore[arg-type]
    return [plain(said.sentence) for said in changes(rows, None, MONTH, "USD")]


def agent(name: str, saving: str, prompt: int = 100, repeated: int = 38) -> EfficiencyRow:
    sums = TokenSums(input_tokens=prompt, repeated_tokens=repeated)
    return EfficiencyRow({"agent": name}, sums, GroupCost(Cost(saving=D(saving))), 1)


def day(number: int, prompt: int, cached: int) -> EfficiencyRow:
    sums = TokenSums(input_tokens=prompt - cached, cache_read_tokens=cached)
    return EfficiencyRow({"day": f"2026-11-{number:02}"}, sums, GroupCost(), 1)


def refused(number: int, detail: str = "data.inputTokens: is not a field") -> list[Quarantined]:
    moment = datetime(2026, 11, 1, tzinfo=UTC)
    return [Quarantined(uuid.UUID(int=n), moment, "s", "i", detail, "{}") for n in range(number)]


def test_if_nothing_is_out_of_the_ordinary_it_says_so() -> None:
    (sentence,) = say()
    assert sentence.startswith("Nothing out of the ordinary")


def test_the_agents_that_would_save_most_are_named() -> None:
    found = say(by_agent=[agent("a", "3"), agent("b", "212"), agent("c", "9")])
    assert found == [
        "b repeats 38.0 % of its prompt tokens."
        " Reading them from a cache would have saved $212.00 .",
        "c repeats 38.0 % of its prompt tokens. Reading them from a cache would have saved $9.00 .",
    ]


def test_a_saving_of_next_to_nothing_is_no_news() -> None:
    # a hundredth of $100 is a dollar
    assert "repeats" not in say(by_agent=[agent("a", "0.99")])[0]
    assert "repeats" in say(by_agent=[agent("a", "1")])[0]


def test_days_under_the_line_are_named_with_what_repetition_cost_on_them() -> None:
    days = [day(1, 100, 70), day(2, 100, 69), day(3, 100, 40), day(4, 100, 90)]
    spend = [SpendDay(date=date(2026, 11, n), repeated=D(n)) for n in (1, 2, 3, 4)]
    (sentence,) = say(by_day=days, spend=spend)
    assert sentence == (
        "Hit rate was under 70 % from 2 Nov to 3 Nov, lowest with 40.0 % on 3 Nov."
        " Context computed again on these days cost $5.00 ."
    )


def test_one_day_under_the_line_is_named_once() -> None:
    spend = [SpendDay(date=date(2026, 11, 2), repeated=D(1))]
    (sentence,) = say(by_day=[day(2, 100, 69)], spend=spend)
    assert "under 70 % on 2 Nov, at 69.0 %." in sentence
    assert "again that day cost $1.00" in sentence


def test_events_in_quarantine_are_counted_with_their_reason() -> None:
    assert say(quarantined=refused(12)) == [
        "12 events wait in quarantine , counted and billed nowhere:"
        " data.inputTokens: is not a field."
    ]
    mixed = say(quarantined=[*refused(2), *refused(1, "time: is missing")])
    assert "3 events wait" in mixed[0]
    assert "2 of them because: data.inputTokens" in mixed[0]


def test_a_quarantine_too_long_to_count_says_more_than() -> None:
    assert say(quarantined=refused(QUARANTINE_MOST + 1))[0].startswith("More than 1,000 events")


def test_unpriced_usage_comes_first() -> None:
    cost = GroupCost(Cost(unpriced={"new-model"}), Cost(unpriced={"tool search"}))
    found = say(total=replace(ROWS.total, cost=cost), quarantined=refused(1))
    assert found[0].startswith("No price is known for new-model , tool search .")


def test_failures_and_retries_are_money_and_a_share() -> None:
    cost = GroupCost(Cost(useful=D(90), failed=D(6), retried=D(4)))
    (sentence,) = say(total=replace(ROWS.total, cost=cost))
    assert sentence == "Failed tasks and retries took $10.00 of token cost, 10.0 % of spend."
