"""Which grants pay, and in which order."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rating.drawing import Purse, draw, in_order

END = datetime(2026, 11, 1, tzinfo=UTC)
NOW = END + timedelta(hours=1)


def day(n: int) -> datetime:
    """The nth day of October; the 32nd is where the month's period ends."""
    return datetime(2026, 9, 30, tzinfo=UTC) + timedelta(days=n)


def purse(grant: int, left: str = "10.00", *, expires: int | None = None, **more: int) -> Purse:
    return Purse(
        grant=grant,
        left=Decimal(left),
        priority=more.get("priority", 100),
        effective_at=day(more.get("effective", 1)),
        expires_at=None if expires is None else day(expires),
    )


def test_the_lowest_priority_first_then_what_expires_first_then_what_began_first() -> None:
    purses = [
        purse(1),
        purse(2, effective=0),
        purse(3, expires=40),
        purse(4, expires=35),
        purse(5, priority=7),
        purse(6, priority=7, expires=99),
        purse(7, expires=35),
    ]
    assert [one.grant for one in in_order(purses)] == [6, 5, 4, 7, 3, 2, 1]


def test_each_gives_all_it_has_before_the_next_is_asked() -> None:
    purses = [purse(1, "3.00"), purse(2, "4.00", expires=50), purse(3, "5.00", priority=1)]
    # 10.00: 5.00 of the first priority, 4.00 of what expires, and 1.00 of what does not.
    assert [(one.grant, f"{one.amount}") for one in draw(Decimal("10.00"), purses, END, NOW)] == [
        (3, "5.00"),
        (2, "4.00"),
        (1, "1.00"),
    ]


@pytest.mark.parametrize(
    ("one", "pays"),
    [
        pytest.param(purse(1, expires=32), True, id="for the month, to its last moment"),
        pytest.param(purse(1, expires=31), False, id="it expired a day before the month ended"),
        pytest.param(purse(1, effective=32), True, id="made after the month, before the invoice"),
        pytest.param(purse(1, effective=33), False, id="it has not begun"),
        pytest.param(purse(1, "0.00"), False, id="nothing is left"),
    ],
)
def test_when_a_grant_pays_for_october(one: Purse, pays: bool) -> None:
    assert bool(draw(Decimal("1.00"), [one], END, NOW)) is pays


def test_a_preview_in_the_middle_of_the_month_sees_what_will_have_begun() -> None:
    later = purse(1, effective=20)
    assert draw(Decimal("1.00"), [later], END, day(10))


purses = st.lists(
    st.builds(
        purse,
        grant=st.integers(1, 5),
        left=st.integers(0, 500).map(lambda cents: f"{Decimal(cents).scaleb(-2):f}"),
        expires=st.none() | st.integers(25, 40),
        priority=st.integers(0, 2),
        effective=st.integers(1, 24),
    ),
    unique_by=lambda one: one.grant,
)


@given(purses, st.integers(0, 1500).map(lambda cents: Decimal(cents).scaleb(-2)))
def test_as_much_as_there_is_never_more_than_is_due_or_left(
    found: list[Purse], due: Decimal
) -> None:
    draws = draw(due, found, END, NOW)
    left = {one.grant: one.left for one in found if one.pays(END, NOW)}
    assert sum(one.amount for one in draws) == min(due, sum(left.values()))
    assert all(0 < one.amount <= left[one.grant] for one in draws)
    # All but the last one asked gave everything.
    assert all(one.amount == left[one.grant] for one in draws[:-1])
