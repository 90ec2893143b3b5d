from collections.abc import Mapping

import pytest

from billing.rating.errors import ChargeError
from tests.billing.rating.examples import amount, lines

PLAIN: dict[str, object] = {"model": "percentage", "rate_percent": "2.5"}
FIXED = {**PLAIN, "fixed_amount_per_event": "0.3"}
CLAMPED = {**FIXED, "minimum_amount_per_event": "1", "maximum_amount_per_event": "4"}


@pytest.mark.parametrize(
    ("charge", "events", "expected"),
    [
        (PLAIN, ["10", "90"], "2.5"),  # 100 × 2.5 %
        (FIXED, ["10", "90"], "3.1"),  # 2.5 + 2 × 0.3
        (FIXED, ["0"], "0.3"),  # the event happened, though its base is 0
        (FIXED, [], "0"),
        (CLAMPED, ["10"], "1"),  # 0.25 + 0.3 = 0.55, raised
        (CLAMPED, ["100"], "2.8"),  # 2.5 + 0.3, in between
        (CLAMPED, ["1000"], "4"),  # 25 + 0.3, cut
        (CLAMPED, ["10", "100", "1000"], "7.8"),  # 1 + 2.8 + 4
    ],
)
def test_each_event_is_priced_alone(
    charge: Mapping[str, object], events: list[str], expected: str
) -> None:
    assert amount(charge, sum(map(int, events)), events=events) == expected


def test_the_lines_tell_the_percentage_from_what_was_clamped() -> None:
    assert lines(CLAMPED, "1110", events=["10", "100", "1000"]) == [
        ("percentage", "1110", "27.75"),  # 1110 × 2.5 %
        ("fixed", "3", "0.9"),  # 3 × 0.3
        ("minimum-per-event", "1", "0.45"),  # 1 − 0.55
        ("maximum-per-event", "1", "-21.3"),  # 4 − 25.3
    ]


def test_an_event_at_a_bound_is_not_clamped() -> None:
    # 28 × 2.5 % + 0.3 = 1 and 148 × 2.5 % + 0.3 = 4
    keys = [key for key, _, _ in lines(CLAMPED, "176", events=["28", "148"])]
    assert keys == ["percentage", "fixed"]


def test_the_quantity_is_the_base_when_no_event_matters() -> None:
    assert lines(PLAIN, "0.5") == [("percentage", "0.5", "0.0125")]


@pytest.mark.parametrize("charge", [FIXED, CLAMPED])
def test_amounts_per_event_need_the_events(charge: Mapping[str, object]) -> None:
    with pytest.raises(ChargeError, match=r"^events: "):
        amount(charge, "100")
    assert amount(charge, "0") == "0"


def test_free_units_cover_the_earliest_events() -> None:
    # 15 free: the first event whole, with its fixed amount, and 5 of the second: 85 × 2.5 % + 0.3
    assert amount({**FIXED, "free_units": "15"}, "100", events=["10", "90"]) == "2.425"


def test_later_events_cost_what_they_would_have_cost_at_first() -> None:
    assert lines(CLAMPED, "10", already_rated="700", events=["10"]) == [
        ("percentage", "10", "0.25"),
        ("fixed", "1", "0.3"),
        ("minimum-per-event", "1", "0.45"),
    ]


def test_free_units_used_up_by_earlier_events_are_not_given_again() -> None:
    charge = {**FIXED, "free_units": "15"}
    assert amount(charge, "90", already_rated="10", events=["90"]) == "2.425"  # 85 × 2.5 % + 0.3
    assert amount(charge, "90", already_rated="20", events=["90"]) == "2.55"  # 90 × 2.5 % + 0.3


def test_a_cap_cannot_be_told_without_the_earlier_events() -> None:
    with pytest.raises(ChargeError, match=r"^already_rated: "):
        amount({**FIXED, "maximum_amount": "3"}, "1", already_rated="9", events=["1"])


def test_events_must_add_up_to_the_quantity() -> None:
    with pytest.raises(ChargeError, match=r"^events: add up to 90, but the quantity is 91"):
        amount(PLAIN, "91", events=["10", "80"])
