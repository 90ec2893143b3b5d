"""The waterfall: each bar begins where the one before it ends, to the last digit."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from dashboards.charts import waterfall
from dashboards.charts.spend import CAUSES
from dashboards.charts.waterfall import Bill

D = Decimal
BILL = Bill(
    useful=D("10.123456789012345678"),
    repeated=D("2.5"),
    failed=D("0.25"),
    retried=D(1),
    chips=D(7),
    tools=D("0.126543210987654322"),
)


def test_bars_go_from_useful_tokens_to_the_total() -> None:
    bars, _ = waterfall.figure(BILL, "USD").data
    assert list(bars.base) == [
        "0",
        "10.123456789012345678",
        "12.623456789012345678",
        "12.873456789012345678",
        "13.873456789012345678",
        "20.873456789012345678",
        "0",
    ]
    # 10.123456789012345678 + 2.5 + 0.25 + 1 + 7 + 0.126543210987654322 = 21
    assert D(bars.x[-1]) == 21
    assert list(bars.text)[:2] == ["$10.12", "$2.50"]
    colours = list(bars.marker.color)
    assert colours[:4] == ["var(--useful)", "var(--repeated)", "var(--failed)", "var(--retried)"]


def test_the_table_has_the_bars_their_shares_and_sums() -> None:
    table = waterfall.table(BILL, "USD")
    assert table.columns == ("Cause", "Amount", "Share", "Sum so far")
    assert table.rows[1] == ("Repeated tokens", "$2.50", "11.9\u00a0%", "$12.62")
    assert table.rows[-1] == ("Total", "$21.00", "100.0\u00a0%", "$21.00")


def test_a_bill_of_nothing_can_be_drawn() -> None:
    bars, _ = waterfall.figure(Bill(), "EUR").data
    assert set(bars.x) == {"0"}
    assert {row[2] for row in waterfall.table(Bill(), "EUR").rows} == {"–"}


AMOUNTS = st.decimals(min_value=0, max_value=10**12, places=18)


@given(st.lists(AMOUNTS, min_size=6, max_size=6))
def test_the_bars_add_up_to_the_total(amounts: list[Decimal]) -> None:
    bill = Bill(**{cause.name: a for cause, a in zip(CAUSES, amounts, strict=True)})
    *parts, total = waterfall.steps(bill)
    ends = [Fraction(step.start) + Fraction(step.amount) for step in parts]
    assert [Fraction(step.start) for step in parts] == [0, *ends[:-1]]
    assert Fraction(total.amount) == ends[-1] == sum(map(Fraction, amounts))
