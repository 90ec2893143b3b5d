"""Which account of the operator's books an amount goes to."""

from typing import Any, NamedTuple, cast

from django.conf import settings

# What an amount is. Revenue may have an account for each charge, and money one for each way that it
# comes: `revenue:CODE`, `bank:METHOD`.
DEFAULTS: dict[str, tuple[str, str]] = {
    "receivable": ("1200", "Accounts Receivable"),
    "revenue": ("4000", "Sales"),
    "tax": ("2200", "Sales Tax Payable"),
    "discount": ("4900", "Discounts Given"),
    "prepaid": ("2400", "Customer Prepayments"),
    "bank": ("1000", "Bank"),
    "bad_debt": ("6900", "Bad Debts"),
    "rounding": ("7900", "Rounding"),
}
_OF_THEIR_OWN = ("revenue:", "bank:")


class Account(NamedTuple):
    """An account by its code and its name: some systems import the one, some the other."""

    code: str
    name: str


class AccountsError(ValueError):
    """JOURNAL_ACCOUNTS is wrong; the message is one sentence."""


def account(what: str, kind: str = "") -> Account:
    """The account, as JOURNAL_ACCOUNTS has it or as it usually is."""
    own = cast(dict[str, Any], settings.JOURNAL_ACCOUNTS)
    found = own.get(f"{what}:{kind}") if kind else None
    found = own.get(what) if found is None else found
    return Account(*DEFAULTS[what]) if found is None else read_account(what, found)


def read_account(what: str, value: object) -> Account:
    """`"4000"` for both, or `{"code": "4000", "name": "Sales"}`. Raises AccountsError."""
    match value:
        case str() if value:
            return Account(value, value)
        case {"code": str(code), "name": str(name), **rest} if code and name and not rest:
            return Account(code, name)
    raise AccountsError(
        f'JOURNAL_ACCOUNTS: {what} must be "4000" or {{"code": "4000", "name": "Sales"}}'
    )


def check_accounts(own: object) -> None:
    """Refuse a setting that names what there is not, or names no account."""
    if not isinstance(own, dict):
        raise AccountsError("JOURNAL_ACCOUNTS must be a JSON object")
    for what, value in own.items():
        if what not in DEFAULTS and not what.startswith(_OF_THEIR_OWN):
            choices = ", ".join((*DEFAULTS, "revenue:CODE", "bank:METHOD"))
            raise AccountsError(f"JOURNAL_ACCOUNTS: {what!r} is not one of {choices}")
        read_account(what, value)
