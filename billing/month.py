"""A month priced in full: usage first, then what the plan and the tenant's agreements add to it."""

from datetime import datetime

from billing.burst_balances import Balances
from billing.commitment_lines import commitment_lines
from billing.coupon_lines import coupon_lines, coupon_problems
from billing.fee_lines import fee_lines, fee_problems
from billing.pricing import Priced, price
from billing.terms import Terms
from metering.models import Tenant


def price_month(tenant: Tenant, terms: Terms, watermark: datetime, balances: Balances) -> Priced:
    """All lines of a month, in the order in which they depend on each other."""
    usage = price(tenant, terms, watermark, balances)
    lines = [*usage.lines, *fee_lines(terms)]
    lines += commitment_lines(terms, usage.lines)
    # Coupons are last, so that a commitment is met by what things cost and not made up by it.
    lines += coupon_lines(terms, lines)
    return Priced(lines, [*usage.unpriced, *fee_problems(terms), *coupon_problems(terms)])
