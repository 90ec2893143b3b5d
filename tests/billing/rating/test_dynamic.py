from tests.billing.rating.examples import amount, lines

CHARGE: dict[str, object] = {"model": "dynamic"}


def test_the_events_amounts_are_summed() -> None:
    assert lines(CHARGE, "1.85", events=["1.1", "0.75"]) == [("dynamic", "1.85", "1.85")]


def test_the_quantity_may_count_something_else_than_the_amounts() -> None:
    assert amount(CHARGE, "2", events=["1.1", "0.75"]) == "1.85"


def test_without_events_the_quantity_is_the_sum_of_the_amounts() -> None:
    assert amount(CHARGE, "1.85") == "1.85"
    assert lines(CHARGE, "0") == []


def test_adjustments_apply_to_amounts_too() -> None:
    # 100 cents are 1; 10 % off 1.85
    charge = {
        **CHARGE,
        "unit_conversion": {"divide_by": "100", "rounding": "none"},
        "discount_percent": "10",
    }
    assert amount(charge, "185", events=["110", "75"]) == "1.665"
