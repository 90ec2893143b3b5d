"""Setting a budget by hand, as a tenant's own people do; `apply` does it by file."""

import re
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction

from billing.budgets.models import Budget
from billing.rating.errors import ChargeError
from billing.rating.money import plain
from billing.rating.numeric import not_negative
from metering import audit
from metering.models import Tenant

_LABEL = re.compile(r"(?P<key>[^=]+)=(?P<value>.+)")


class BudgetError(ValueError):
    """Why a budget is not set; begins with the field at fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A budget as somebody writes it; `label` as `key=value`, empty for all."""

    code: str
    amount: str
    period: str = Budget.MONTH
    agent: str = ""
    label: str = ""
    hard: bool = False


def set_budget(tenant: Tenant, wanted: Wanted) -> Budget:
    """Make the budget of this code, or bring it to what is wanted. Raises BudgetError."""
    try:
        amount = not_negative(wanted.amount.strip(), "amount")
    except ChargeError as error:
        raise BudgetError(str(error)) from error
    if not amount:
        raise BudgetError("amount: must be above 0")
    label = _LABEL.fullmatch(wanted.label.strip()) if wanted.label.strip() else None
    if wanted.label.strip() and label is None:
        raise BudgetError(f"label: {wanted.label!r} is not written as key=value")
    with transaction.atomic():
        Tenant.objects.select_for_update().get(pk=tenant.pk)
        code = wanted.code.strip()
        budget = Budget.objects.filter(tenant=tenant, code=code).first()
        budget = budget or Budget(tenant=tenant, code=code)
        budget.amount, budget.period, budget.hard = amount, wanted.period, wanted.hard
        budget.agent, budget.enabled = wanted.agent.strip(), True
        budget.label, budget.value = label.groups() if label else ("", "")
        _save(budget)
        kind = "hard" if budget.hard else "soft"
        what = f"{plain(amount)} {tenant.currency} a {budget.period} of {budget.scope}, {kind}"
        audit.record("budget.set", code, tenant, budget=what)
    return budget


def stop_budget(tenant: Tenant, code: str) -> None:
    """Take a budget back; what was counted of it stays. Raises BudgetError."""
    with transaction.atomic():
        found = Budget.objects.filter(tenant=tenant, code=code, enabled=True)
        if not found.update(enabled=False):
            raise BudgetError(f"code: there is no budget {code!r}")
        audit.record("budget.stopped", code, tenant)


def _save(budget: Budget) -> None:
    try:
        budget.full_clean()
    except ValidationError as error:
        fields = error.message_dict.items()
        texts = (f"{field}: {' '.join(problems)}" for field, problems in fields)
        raise BudgetError("; ".join(texts)) from error
    budget.save()
