from decimal import Context, Decimal, localcontext

import pytest

from billing.rating.burst import BurstUsage, parse_burst_prices, rate_burst
from billing.rating.errors import ChargeError
from tests.billing.rating.examples import tiers

D = Decimal
CONTRACT: dict[str, object] = {
    "baseline_price": "0.0003",
    "on_demand_price": "0.0006",
    "burst_tiers": tiers(("1000", "0.0006", "0.5"), (None, "0.0005", "0")),
    "idle_factor": "0.1",
    "cold_start_fee": "0.001",
}
DAY = D(86400)
NOTHING = BurstUsage(
    baseline_chips=D(0),
    period_seconds=DAY,
    burst_chip_seconds=D(0),
    idle_chip_seconds=D(0),
    cold_starts=0,
    peak=D(0),
    hourly_peak_chip_seconds=D(0),
)
BUSY = BurstUsage(
    baseline_chips=D(2),
    period_seconds=DAY,
    burst_chip_seconds=D("1500.25"),
    idle_chip_seconds=D(600),
    cold_starts=3,
    peak=D("3.5"),
    hourly_peak_chip_seconds=D(4 * 3600),
)


def test_every_part_of_the_price_is_a_line() -> None:
    rated = rate_burst(parse_burst_prices(CONTRACT), BUSY)
    assert [(line.key, line.quantity, line.amount) for line in rated.lines] == [
        ("baseline", D(172800), D("51.84")),  # 2 × 86400 × 0.0003, used or not
        ("burst-tier-1", D(1000), D("0.6")),  # 1000 × 0.0006
        ("burst-tier-1-flat", D(1), D("0.5")),
        ("burst-tier-2", D("500.25"), D("0.250125")),  # 500.25 × 0.0005
        ("idle", D(600), D("0.036")),  # 600 × 0.1 × 0.0006
        ("cold-starts", D(3), D("0.003")),  # 3 × 0.001
    ]
    assert rated.amount == D("53.229125")


def test_the_same_work_is_priced_on_reserved_chips() -> None:
    rated = rate_burst(parse_burst_prices(CONTRACT), BUSY)
    assert rated.reserved_peak_amount == D("181.44")  # 3.5 × 86400 × 0.0006
    assert rated.reserved_hourly_amount == D("8.64")  # 4 × 3600 × 0.0006
    assert rated.saving is not None
    assert round(rated.saving, 6) == D("0.706630")  # 1 − 53.229125 / 181.44
    assert rated.hourly_saving is not None
    assert round(rated.hourly_saving, 6) == D("-5.160778")  # 1 − 53.229125 / 8.64


def test_a_tenant_without_events_pays_the_baseline_only() -> None:
    idle = BurstUsage(D(2), DAY, D(0), D(0), 0, D(0), D(0))
    rated = rate_burst(parse_burst_prices(CONTRACT), idle)
    assert [(line.key, line.amount) for line in rated.lines] == [("baseline", D("51.84"))]


def test_without_baseline_and_events_there_is_nothing_to_pay_and_no_saving_to_tell() -> None:
    rated = rate_burst(parse_burst_prices(CONTRACT), NOTHING)
    assert rated.amount == 0
    assert rated.lines == ()
    assert (rated.saving, rated.hourly_saving) == (None, None)


def test_the_callers_decimal_context_changes_nothing() -> None:
    expected = rate_burst(parse_burst_prices(CONTRACT), BUSY)
    with localcontext(Context(prec=2)):
        rated = rate_burst(parse_burst_prices(CONTRACT), BUSY)
        assert (rated, rated.saving) == (expected, expected.saving)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"baseline_price": "-1"}, "contract.baseline_price"),
        ({"burst_price": "1"}, "contract.burst_price"),
        ({"burst_tiers": tiers(("1", "1", "0"))}, "contract.burst_tiers[0].up_to"),
        ({"idle_factor": 0.1}, "contract.idle_factor"),
    ],
)
def test_a_bad_price_is_an_error_that_names_the_field(change: dict[str, object], path: str) -> None:
    with pytest.raises(ChargeError) as raised:
        parse_burst_prices({**CONTRACT, **change})
    assert raised.value.path == path
