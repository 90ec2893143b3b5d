"""Budgets by API: how they stand, and reserving and settling for agents that must not overspend."""

from datetime import timedelta
from decimal import Decimal
from typing import Annotated

import msgspec
from django.http import Http404, HttpResponseBase
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.api_values import value
from billing.budgets.api_rows import BUDGET, DONE, REFUSED, RESERVE, SETTLE
from billing.budgets.models import BudgetReservation
from billing.budgets.queries import BudgetRow, rows
from billing.budgets.reserving import (
    LONGEST,
    USUAL,
    Ask,
    DoesNotFit,
    KeyConflict,
    UnknownReservation,
    reserve,
    settle,
)
from billing.rating.errors import ChargeError
from billing.rating.money import ZERO, plain
from billing.rating.numeric import not_negative
from metering.api_body import json_of
from metering.authentication import CanIngest, tenant_of
from metering.models import Tenant
from metering.openapi.describe import JSON, acts, lists
from metering.problems import problem

_Key = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_Text = Annotated[str, msgspec.Meta(max_length=512)]


class Reserve(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The body of a reservation."""

    key: _Key
    amount: str | int
    agent: _Text = ""
    labels: dict[_Text, _Text] = {}
    currency: str = ""
    expires_in: Annotated[int, msgspec.Meta(ge=1, le=LONGEST.days * 86_400)] = USUAL.seconds


class Settle(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The body of a settlement."""

    key: _Key
    amount: str | int
    currency: str = ""


class Conflict(APIException):
    """The key was used for something else."""

    status_code = 409
    default_code = "Conflict"


class _Act(APIView):
    """Agents have keys that bring events in; the same ones reserve and settle."""

    def get_permissions(self) -> list[BasePermission]:
        return [CanIngest()]


@lists(BUDGET)
class Budgets(APIView):
    """`GET /api/v1/budgets`: every budget in force, and what of it is gone."""

    def get(self, request: Request) -> Response:
        return Response({"rows": list(map(budget_row, rows(tenant_of(request)))), "next": None})


class BudgetReserve(_Act):
    """`POST /api/v1/budgets/reserve`: hold money before it is spent.

    402 where a hard budget has no room for it: do not try again before something is settled or
    the next period begins. The same key with the same content is the same reservation, with other
    content 409. What is not settled in `expires_in` seconds is let go.
    """

    @acts({**DONE, **REFUSED}, bodies={JSON: RESERVE}, refusals=(409, 413))
    def post(self, request: Request) -> HttpResponseBase:
        tenant = tenant_of(request)
        asked = json_of(request, Reserve)
        _check_currency(tenant, asked.currency)
        ask = Ask(
            key=asked.key,
            amount=_amount(asked.amount),
            agent=asked.agent,
            labels=asked.labels,
            lasts=timedelta(seconds=asked.expires_in),
        )
        if ask.amount == ZERO:
            raise ValidationError({"amount": "must be above 0"})
        try:
            return Response(_reservation(tenant, reserve(tenant, ask)))
        except KeyConflict as error:
            raise Conflict(str(error)) from None
        except DoesNotFit as error:
            return _refusal(tenant, error)


class BudgetSettle(_Act):
    """`POST /api/v1/budgets/settle`: what was spent of a reservation; 0 gives it back.

    It is booked whole, also above what was reserved, and also when it comes late. Again with the
    same amount it changes nothing, with another one it is 409.
    """

    @acts(DONE, bodies={JSON: SETTLE}, refusals=(404, 409, 413))
    def post(self, request: Request) -> Response:
        tenant = tenant_of(request)
        asked = json_of(request, Settle)
        _check_currency(tenant, asked.currency)
        try:
            settled = settle(tenant, asked.key, _amount(asked.amount))
        except UnknownReservation as error:
            raise Http404(str(error)) from None
        except KeyConflict as error:
            raise Conflict(str(error)) from None
        return Response(_reservation(tenant, settled))


def budget_row(row: BudgetRow) -> dict[str, object]:
    """A budget in the running period."""
    budget = row.budget
    amounts = ("amount", "spent", "settled", "others", "reserved", "left")
    return {
        "code": budget.code,
        "period": budget.period,
        "period_start": row.start.isoformat(),
        "period_end": value(row.period.end),
        "agent": budget.agent,
        "label": f"{budget.label}={budget.value}" if budget.label else "",
        "hard": budget.hard,
        "currency": budget.tenant.currency,
        **{name: plain(getattr(row, name)) for name in amounts},
        "measured": value(row.measured),
        "measured_at": value(row.measured_at),
        "difference": value(row.difference),
        "unpriced": row.unpriced,
        "alerts": [
            {"threshold": threshold, "fired_at": value(fired_at)}
            for threshold, fired_at in row.alerts.items()
        ],
    }


def _reservation(tenant: Tenant, held: BudgetReservation) -> dict[str, object]:
    codes = held.counters.order_by("budget__code").values_list("budget__code", flat=True)
    return {
        "key": held.key,
        "state": held.state,
        "agent": held.agent,
        "labels": held.labels,
        "amount": plain(held.amount),
        "settled": value(held.settled),
        "currency": tenant.currency,
        "budgets": list(codes),
        "made_at": value(held.made_at),
        "expires_at": value(held.expires_at),
    }


def _refusal(tenant: Tenant, error: DoesNotFit) -> HttpResponseBase:
    budget = error.budget
    return problem(
        402,
        "Budget Exceeded",
        str(error),
        budget=budget.code,
        amount=plain(budget.amount),
        left=plain(error.left),
        reserved=plain(error.reserved),
        currency=tenant.currency,
        period_end=value(budget.period_of(error.start).end),
    )


def _amount(given: str | int) -> Decimal:
    try:
        return not_negative(given, "amount")
    except ChargeError as error:
        raise ValidationError({"amount": str(error).removeprefix("amount: ")}) from None


def _check_currency(tenant: Tenant, currency: str) -> None:
    if currency and currency != tenant.currency:
        raise ValidationError({"currency": f"is {tenant.currency}, and not {currency}"})
