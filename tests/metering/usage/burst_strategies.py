"""Random chip intervals and terms of contracts, in whole ticks."""

from decimal import Decimal

from hypothesis import strategies as st

from metering.usage.burst_level import CHIP, ChipInterval
from metering.usage.burst_terms import BurstTerms

MINUTE = 60 * 10**6
MILLISECOND = 1000
COUNTS = st.sampled_from(["0", "0.000000000000000001", "0.25", "1", "1", "2", "3.5", "10000"])
OPENING = st.sampled_from([Decimal(s) for s in ("0", "0.001", "33.3", "100000")])


@st.composite
def intervals(draw: st.DrawFn, tick: int, ticks: int) -> list[ChipInterval]:
    """Some that begin before the period, reach out of it, or have no length."""
    rows = []
    for _ in range(draw(st.integers(0, 12))):
        start = draw(st.integers(-10, ticks + 2))
        length = draw(st.one_of(st.integers(0, 6), st.integers(0, ticks)))
        units = int(Decimal(draw(COUNTS)) * CHIP)
        phase = draw(st.sampled_from(["active", "active", "idle", "cold_start"]))
        events = draw(st.integers(1, 3))
        rows.append(ChipInterval(start * tick, (start + length) * tick, units, phase, events))
    return rows


@st.composite
def terms(draw: st.DrawFn, tick: int) -> BurstTerms:
    """Baselines, accruals and caps that are and are not reached, and rounding in whole ticks."""
    return BurstTerms(
        baseline=draw(st.sampled_from([Decimal(s) for s in ("0", "0.6", "1", "2.5", "7")])),
        credit_accrual=draw(
            st.sampled_from([Decimal(s) for s in ("0", "0.5", "1", "1.000000000000000001")])
        ),
        credit_cap=draw(st.sampled_from([Decimal(s) for s in ("0", "0.002", "1", "90", "7200")])),
        granularity_ms=draw(st.integers(0, 4)) * tick // MILLISECOND,
        minimum_ms=draw(st.integers(0, 7)) * tick // MILLISECOND,
    )
