"""Lines of fees: what is owed of each month or year by now, less what was billed of it."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import groupby

from billing.fee_terms import ADJUSTED, BilledFee, FeeTerms
from billing.plan_parts import NONE
from billing.pricing import Kind, PricedLine, titled
from billing.rating.money import EXACT, ONE, ZERO, plain, round_money
from billing.rating.proration import DAY, lengths, split_amount
from billing.terms import Terms


def fee_lines(terms: Terms) -> list[PricedLine]:
    """Every account settled, in the order of time; those in a foreign currency are a problem."""
    lines: list[PricedLine] = []
    billed = {item.account: item for item in terms.billed_fees}
    for stretches in stretches_of(terms.fees):
        before = billed.pop(stretches[0].account, None)
        if not _foreign(terms, stretches, before):
            lines += _settled(stretches, before, terms)
    for before in billed.values():
        if before.currency == terms.currency:
            lines.append(_adjusted(before, round_money(ZERO, terms.currency), [], terms.currency))
    return lines


def fee_problems(terms: Terms) -> Iterator[str]:
    """Why fees cannot be billed; the month's own plans in a foreign currency are named already."""
    own = {plan.plan for plan in terms.plans}
    for item in terms.fees:
        if item.currency != terms.currency and item.plan not in own:
            yield f"plan {item.plan} is in {item.currency}, not {terms.currency}"
    for before in terms.billed_fees:
        if before.currency != terms.currency:
            yield f"{before.code} of {before.plan} was billed in {before.currency}"


def owed_amounts(stretches: Sequence[FeeTerms], zone: str) -> list[Decimal]:
    """What is owed for each stretch of one whole; together never more than the whole.

    Without proration the first one owes it all.
    """
    first = stretches[0]
    if first.fee.prorate == NONE:
        return [round_money(first.fee.amount, first.currency)] + [ZERO] * (len(stretches) - 1)
    whole = first.whole
    cuts = sorted({whole.start, whole.end, *(m for s in stretches for m in (s.start, s.end))})
    return [
        split_amount(s.fee.amount, cuts, by=s.fee.prorate, zone=zone, currency=s.currency)[
            cuts.index(s.start)
        ]
        for s in stretches
    ]


def stretches_of(fees: Sequence[FeeTerms]) -> list[list[FeeTerms]]:
    """The stretches of each account by time, and the accounts in the order they come first in."""
    ordered = sorted(fees, key=lambda item: (item.account, item.start))
    found = [list(items) for _, items in groupby(ordered, lambda item: item.account)]
    return sorted(found, key=lambda items: (items[0].whole_start, items[0].start, items[0].account))


def _foreign(terms: Terms, stretches: Sequence[FeeTerms], before: BilledFee | None) -> bool:
    currencies = {item.currency for item in stretches} | ({before.currency} if before else set())
    return currencies != {terms.currency}


def _settled(
    stretches: list[FeeTerms], before: BilledFee | None, terms: Terms
) -> Iterator[PricedLine]:
    owed = list(zip(stretches, owed_amounts(stretches, terms.timezone), strict=True))
    due = [(item, amount) for item, amount in owed if item.due]
    if before is None:
        yield from (_line(item, amount, terms.timezone) for item, amount in due if amount)
        return
    total = round_money(ZERO, terms.currency)
    for _, amount in due:
        total = EXACT.add(total, amount)
    if total != before.amount:
        yield _adjusted(before, total, [item for item, _ in due], terms.currency)


def _line(item: FeeTerms, amount: Decimal, zone: str) -> PricedLine:
    whole = item.fee.prorate == NONE or (item.start, item.end) == (item.whole_start, item.whole_end)
    quantity, unit, words = (ONE, item.fee.interval, "") if whole else _part(item, zone)
    return PricedLine(
        kind=Kind.FEE,
        code=item.fee.code,
        group=(("plan", item.plan),),
        start=item.start,
        key=item.account[2],
        end=item.end,
        description=_described(item.fee.description or titled(item.fee.code), item.plan, words),
        quantity=quantity,
        unit=unit,
        unit_amount=item.fee.amount if whole else None,
        exact_amount=amount,
        amount=amount,
    )


def _described(*words: str) -> str:
    return " · ".join(filter(None, words))


def _adjusted(
    before: BilledFee, owed: Decimal, due: Sequence[FeeTerms], currency: str
) -> PricedLine:
    """What is given back of a fee billed before its plan changed, or what is owed beyond it."""
    difference = EXACT.subtract(owed, before.amount)
    start = max((item.end for item in due), default=before.start)
    if difference > ZERO or not before.start <= start < before.end:
        start = before.start
    billed = f"{before.amount:f} {currency} billed before"
    words = f"unused, of {billed}" if difference < ZERO else f"{owed:f} {currency} less {billed}"
    title = (due[0].fee.description if due else "") or titled(before.code)
    return PricedLine(
        kind=Kind.FEE,
        code=before.code,
        group=(("plan", before.plan),),
        start=start,
        key=f"{before.whole}{ADJUSTED}",
        end=before.end,
        description=_described(title, before.plan, words),
        quantity=ONE.copy_sign(difference),
        unit="",
        unit_amount=None,
        exact_amount=difference,
        amount=difference,
    )


def _part(item: FeeTerms, zone: str) -> tuple[Decimal, str, str]:
    """How much of its whole a stretch is, as a quantity, its unit and in words."""
    by = item.fee.prorate
    [whole] = lengths((item.whole_start, item.whole_end), by, zone)
    [part] = lengths((item.start, item.end), by, zone)
    unit = DAY if by == DAY else "second"
    return part, unit, f"{plain(part)} of {plain(whole)} {unit}s at {plain(item.fee.amount)}"
