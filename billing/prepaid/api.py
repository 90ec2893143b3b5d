"""Prepaid credit by API: what there is. Granting is the operator's, by command or admin."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.api_values import fields, money, value
from billing.prepaid import queries
from billing.prepaid.api_rows import AFTER_MOVEMENT, BALANCE, GRANT, MOVEMENT
from billing.prepaid.models import CreditMovement
from billing.prepaid.queries import Balance, GrantRow
from metering.authentication import tenant_of
from metering.openapi.describe import lists
from metering.parameters import next_page, read_number

PAGE = 500
_GRANT_FIELDS = ("key", "currency", "priority", "effective_at", "expires_at", "reason")


@lists(BALANCE)
class Credits(APIView):
    """`GET /api/v1/credits`: the balance of prepaid credit, by currency."""

    def get(self, request: Request) -> Response:
        rows = [_balance(balance) for balance in queries.balances(tenant_of(request))]
        return Response({"rows": rows, "next": None})


@lists(GRANT)
class CreditGrants(APIView):
    """`GET /api/v1/credits/grants`: every grant, and what is left of it."""

    def get(self, request: Request) -> Response:
        rows = [_grant(row) for row in queries.grants(tenant_of(request))]
        return Response({"rows": rows, "next": None})


@lists(MOVEMENT, AFTER_MOVEMENT)
class CreditMovements(APIView):
    """`GET /api/v1/credits/movements`: every movement, the oldest first, a page at a time."""

    def get(self, request: Request) -> Response:
        after = read_number(request, "after")
        found = list(queries.movements(tenant_of(request)).filter(pk__gt=after)[: PAGE + 1])
        following = next_page(request, str(found[PAGE - 1].pk)) if len(found) > PAGE else None
        return Response({"rows": [_movement(one) for one in found[:PAGE]], "next": following})


def _balance(balance: Balance) -> dict[str, object]:
    return {
        "currency": balance.currency,
        "balance": money(balance.balance),
        "available": money(balance.available),
    }


def _grant(row: GrantRow) -> dict[str, object]:
    amounts = {"amount": money(row.grant.amount), "left": money(row.left)}
    more = {"state": row.state, "created_at": value(row.grant.created_at)}
    return fields(row.grant, _GRANT_FIELDS) | amounts | more


def _movement(movement: CreditMovement) -> dict[str, object]:
    return {
        "id": movement.pk,
        "grant": movement.grant.key,
        "kind": movement.kind,
        "amount": money(movement.amount),
        "left": money(movement.left),
        "currency": movement.grant.currency,
        "invoice": movement.invoice and movement.invoice.number,
        "moment": value(movement.moment),
    }
