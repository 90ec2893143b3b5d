"""The overview of a month of work, read as its reader sees it: in sentences and figures."""

import html
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from metering.models import Tenant

Page = Callable[..., str]
TAGS = re.compile(r"<[^>]+>")


def plain(text: str) -> str:
    """The page without its markup, spaces made one."""
    return " ".join(html.unescape(TAGS.sub(" ", text)).split())


@pytest.fixture
def october(alice: Client, worked: Tenant) -> str:
    response = alice.get("/?month=2026-10")
    assert response.status_code == 200
    return response.content.decode()


def figures(text: str) -> dict[str, Any]:
    """The figures of the page, by name."""
    found = re.findall(r'<script id="([\w-]+)-figure" type="application/json">(.*?)</script>', text)
    return {name: json.loads(figure) for name, figure in found}


def test_the_first_row_says_the_answer_in_numbers(october: str) -> None:
    text = plain(october)
    # $2 + $1.70 + $1 of tokens and $3 of chips
    assert "Spend in October 2026 $7.70" in text
    # 2,100,000 tokens of which the 1,000,000 of the failed task helped nobody; $4.70
    assert "Token-efficiency cost $4.27 per million effective tokens" in text
    assert "plain $2.24" in text
    # $7.70 / 2
    assert "Cost per succeeded task $3.85" in text
    assert "3 tasks, 66.7 % succeeded" in text


def test_daily_active_agents_are_those_of_the_latest_day(alice: Client, worked: Tenant) -> None:
    text = plain(alice.get("/?from=2026-10-01&to=2026-10-02").content.decode())
    assert "Daily active agents 2 delivering, of 2 active on 1 Oct" in text


def test_charts_are_figures_with_a_table_behind_each(october: str) -> None:
    drawn = figures(october)
    assert set(drawn) == {"spend-by-day", "active-agents", "hit-rate", "chips-in-use"}
    for name, figure in drawn.items():
        assert figure["data"], name
        assert f'data-figure="{name}-figure"' in october
    assert october.count("<summary>The figures as a table</summary>") == len(drawn)
    # 2 Oct: all of its tokens belong to a task that failed
    assert "2 Oct 2026 $0.00 $0.00 $1.70 $0.00 $0.00 $0.00 $1.70" in plain(october)


def test_the_chart_of_spend_adds_up_to_the_day(october: str) -> None:
    bars = [trace for trace in figures(october)["spend-by-day"]["data"] if trace["type"] == "bar"]
    first = {trace["name"]: float(trace["y"][0]) for trace in bars}
    assert sum(first.values()) == pytest.approx(3)
    assert first["Useful tokens"] == pytest.approx(3)


def test_chips_are_shown_on_the_day_of_the_burst(october: str) -> None:
    text = plain(october)
    assert "Chips in use, 3 Oct 2026 p800, against a baseline of 2" in text
    assert "5 chips" in text


def test_what_changed_has_the_money_in_it(october: str) -> None:
    text = plain(october)
    assert "Hit rate was under 70 % on 2 of 31 days" in text or "Hit rate was under 70 %" in text
    assert "on 3 Oct, took 5 chips of p800 and lasted 10 minutes" in text
    assert "Failed tasks and retries took $1.70 of token cost" in text
    assert "1 event waits in quarantine" in text
    assert "inputTokens" in text


def test_agents_stand_by_spend(october: str) -> None:
    table = plain(october[october.index("Agents by spend") :])
    # bob: $1 of tokens, $3 of chips, one task; ada: $3.70, one of two tasks succeeded
    assert table.index("bob $4.00 1 100.0 % $4.00") < table.index("ada $3.70 2 50.0 % $3.70")
    assert october.count('<svg class="spark"') == 2


def test_the_comparison_lives_in_the_address(alice: Client, worked: Tenant) -> None:
    days = "/?from=2026-10-02&to=2026-10-03"
    # $1.70 after $3 the day before
    assert "43.3 % against 1 Oct 2026" in plain(alice.get(days).content.decode())
    assert "43.3 %" not in plain(alice.get(f"{days}&compare=none").content.decode())


def test_usage_without_a_price_is_unpriced_and_never_zero(
    alice: Client,
    worked: Tenant,
    send: Callable[..., object],
    roll: Callable[[Tenant], int],
    event: Any,
) -> None:
    send(worked, [event.tokens("2026-10-05T00:00:00Z", model="new-model", input_tokens=10)])
    roll(worked)
    text = plain(alice.get("/?month=2026-10").content.decode())
    assert "Spend in October 2026 unpriced $7.70 and no price for new-model" in text
    assert "No price is known for new-model" in text
    assert "Cost per succeeded task unpriced" in text
    alone = plain(alice.get("/?from=2026-10-05&to=2026-10-06").content.decode())
    assert "Agents by spend" in alone
    assert "ada unpriced" in alone


HOSTILE = "</script><img src=x onerror=alert(1)>"


def test_a_hostile_name_stays_a_name(
    alice: Client,
    acme: Tenant,
    send: Callable[..., object],
    roll: Callable[[Tenant], int],
    event: Any,
) -> None:
    send(
        acme,
        [
            event.tokens("2026-10-01T09:00:00Z", model=HOSTILE, agent=HOSTILE, input_tokens=9),
            event.chip("2026-10-01T09:00:00Z", "2026-10-01T09:10:00Z", chip=HOSTILE, agent=HOSTILE),
            event.tokens("2026-10-01T09:00:00Z", **{HOSTILE: 1}),
        ],
    )
    roll(acme)
    response = alice.get("/?month=2026-10")
    assert response.status_code == 200
    text = response.content.decode()
    assert "<img" not in text
    assert html.escape(HOSTILE) in text
    assert set(figures(text)) >= {"spend-by-day", "chips-in-use"}


def test_scripts_come_from_files_of_our_own(october: str, alice: Client) -> None:
    scripts = re.findall(r"<script([^>]*)>", october)
    own = [tag for tag in scripts if "application/json" not in tag]
    assert own
    for tag in own:
        assert re.search(r'src="/static/\S+" defer', tag), tag
    assert "onclick" not in october
    policy = alice.get("/invoices/")["Content-Security-Policy"]
    assert "script-src 'self'" in policy
