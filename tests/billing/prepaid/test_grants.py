"""Topping up by command: once for each key."""

import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.core.management.base import CommandError
from django.db import DatabaseError, connection, transaction

from billing.prepaid.models import CreditGrant, CreditMovement
from billing.prepaid.queries import balances, broken
from metering.models import Tenant
from tests.billing.prepaid.conftest import Give

Run = Callable[..., str]
ORDER = ("grant_credits", "--tenant", "ada", "--amount", "250", "--key", "order-17")


def test_the_same_key_gives_the_same_grant_once(ada: Tenant, manage: Run) -> None:
    assert manage(*ORDER) == "granted 250.00 USD to ada as order-17\n"
    assert manage(*ORDER) == "granted already: 250.00 USD to ada as order-17\n"
    assert [(b.currency, f"{b.balance}", f"{b.available}") for b in balances(ada)] == [
        ("USD", "250.00", "250.00")
    ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (("--amount", "251"), "amount: key 'order-17' was granted with 250, not 251"),
        (("--currency", "EUR"), "currency"),
        (("--priority", "7"), "priority"),
        (("--effective", "2026-10-01"), "effective_at"),
        (("--expires", "2027-10-01"), "expires_at: key 'order-17' was granted with none, not 2027"),
        (("--reason", "a gift"), "reason"),
    ],
)
def test_the_same_key_with_other_content_is_refused_and_names_the_field(
    ada: Tenant, manage: Run, change: tuple[str, str], field: str
) -> None:
    manage(*ORDER)
    with pytest.raises(CommandError, match=f"^{re.escape(field)}"):
        manage(*ORDER, *change)
    assert CreditMovement.objects.count() == 1


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (("--amount", "0"), "amount: must be above 0"),
        (("--amount", "-5"), "amount"),
        (("--amount", "0.001"), "amount: USD has 2 decimals"),
        (("--amount", "1.5", "--currency", "JPY"), "amount: JPY has 0 decimals"),
        (("--amount", "lots"), "amount"),
        (("--currency", "usd"), "currency"),
        (("--priority", "-1"), "priority"),
        (("--expires", "2026-11-01"), "expires_at: must be after effective_at"),
        (("--expires", "soon"), "expires"),
        (("--key", ""), "key"),
    ],
)
def test_what_cannot_be_granted_is_named(
    ada: Tenant, manage: Run, words: tuple[str, ...], field: str
) -> None:
    with pytest.raises(CommandError, match=f"^{field}"):
        manage(*ORDER, *words)
    assert not CreditGrant.objects.exists()


def test_two_tenants_may_use_the_same_key(ada: Tenant, manage: Run) -> None:
    Tenant.objects.create(slug="bob", name="Bob")
    manage(*ORDER)
    manage(*ORDER, "--tenant", "bob")
    assert CreditGrant.objects.count() == 2


def test_a_mistaken_grant_is_withdrawn_and_stays_in_the_ledger(ada: Tenant, manage: Run) -> None:
    manage(*ORDER)
    assert manage("credits", "--tenant", "ada", "--withdraw", "order-17") == (
        "withdrew 250.00 USD of order-17 of ada\n"
    )
    assert "withdrew 0.00 USD" in manage("credits", "--withdraw", "order-17")
    assert manage("credits", "--tenant", "ada") == (
        "ada  0.00 USD, 0.00 available\n"
        "  order-17: 0.00 of 250.00 USD used_up, priority 100, for ever\n"
    )
    assert manage("credits", "--verify") == "the credit of 1 tenants adds up\n"


@pytest.mark.parametrize("table", ["creditgrant", "creditmovement"])
@pytest.mark.parametrize("act", ["UPDATE {} SET amount = '999.00'", "DELETE FROM {}"])
def test_the_database_refuses_to_change_the_ledger(
    ada: Tenant, give: Give, table: str, act: str
) -> None:
    give(ada, "5.00")
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(act.format(f"billing_{table}"))


def test_the_database_has_no_room_below_zero_or_for_two_movements_from_one_state(
    ada: Tenant, give: Give
) -> None:
    grant = give(ada, "5.00")

    def book(sequence: int, key: str, left: str) -> None:
        with transaction.atomic():
            CreditMovement.objects.create(
                grant=grant,
                sequence=sequence,
                key=key,
                kind="drawn",
                amount=Decimal("-6.00"),
                left=Decimal(left),
            )

    with pytest.raises(DatabaseError):
        book(2, "below", "-1.00")
    with pytest.raises(DatabaseError):
        book(1, "from the same state", "4.00")
    with pytest.raises(DatabaseError):
        book(2, "grant", "4.00")
    assert list(broken(ada)) == []
    book(2, "does not add up", "4.00")
    assert list(broken(ada)) == ["movement 2 of grant first does not add up"]
