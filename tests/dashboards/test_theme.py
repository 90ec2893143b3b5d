"""One meaning, one colour: the style sheet has all that figures name, legible in both themes."""

import re
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

import dashboards
from dashboards.charts import theme

CSS = (Path(dashboards.__file__).parent / "static/dashboards/app.css").read_text()
LIGHT, DARK = CSS.split("@media (prefers-color-scheme: dark)")[:2]
NAMED = [v for v in vars(theme).values() if isinstance(v, str) and v.startswith("var(--")]
MEANINGS = {
    "useful": "#0f766e",
    "repeated": "#d97706",
    "failed": "#dc2626",
    "retried": "#7c3aed",
    "chips": "#2563eb",
    "tools": "#78716c",
}


def colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio of two colours."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    channels = (int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("block", [LIGHT, DARK], ids=["light", "dark"])
def test_every_colour_that_a_figure_names_is_in_the_style_sheet(block: str) -> None:
    assert len(NAMED) >= 10
    assert {name[6:-1] for name in NAMED} <= colours(block).keys()


def test_the_colours_mean_what_the_look_says() -> None:
    assert {name: colours(LIGHT)[name] for name in MEANINGS} == MEANINGS


@pytest.mark.parametrize("block", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("name", MEANINGS)
def test_marks_stand_out_from_their_card_as_aa_asks(block: str, name: str) -> None:
    assert contrast(colours(block)[name], colours(block)["card"]) >= 3


TEXTS = [
    ("text", "ground"),
    ("text", "card"),
    ("muted", "card"),
    ("muted", "ground"),
    ("accent", "card"),
    ("accent", "accent-pale"),
    ("on-accent", "accent"),
    ("worse", "card"),
    ("better", "card"),
    ("warn-text", "warn-pale"),
    ("warn-text", "card"),
    ("bad-text", "bad-pale"),
    ("text", "quiet-pale"),
]


@pytest.mark.parametrize("block", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXTS)
def test_texts_can_be_read_as_aa_asks(block: str, text: str, ground: str) -> None:
    assert contrast(colours(block)[text], colours(block)[ground]) >= 4.5


@pytest.mark.parametrize("number", [1, 2, 7, 8, 31, 62, 90, 365, 1098])
def test_an_axis_names_at_most_seven_days(number: int) -> None:
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(number)]
    axis = theme.day_axis(days)
    assert 1 <= len(axis["ticktext"]) <= 7
    assert set(axis["tickvals"]) <= {day.isoformat() for day in days}


def test_a_named_threshold_reaches_across_the_chart() -> None:
    line = theme.threshold(str(Decimal("0.7")), "70 %", dash="dash")
    assert (line["xref"], line["x0"], line["x1"], line["label"]["text"]) == ("paper", 0, 1, "70 %")
