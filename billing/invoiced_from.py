"""Which finalized invoices were made from a plan's version, or under a burst contract."""

from collections.abc import Iterator

from django.db.models import QuerySet

from billing.models import BurstContract, Invoice, InvoiceLine, PlanVersion, Subscription

# More are not looked for: that there are some is what matters.
_MOST = 200


def note_of_invoices(version: PlanVersion) -> list[str]:
    """A sentence for whoever is about to change the version, if any invoice was made from it."""
    return _note(list(_of_version(version)), "plan version", "make a new version of the plan")


def note_of_contract(contract: BurstContract) -> list[str]:
    """The same of a contract."""
    return _note(list(_of_contract(contract)), "contract", "make a new one from a later date")


def _note(numbers: list[str], what: str, instead: str) -> list[str]:
    if not numbers:
        return []
    more = len(numbers) - 1
    others = f" and {more}{' or more' if more >= _MOST - 1 else ''} other{'' if more == 1 else 's'}"
    return [
        f"{numbers[0]}{others if more else ''} {'was' if not more else 'were'} made from this"
        f" {what}. What is finalized keeps the terms it was priced from; a change counts for drafts"
        f" and later months. For a change from a date on, {instead}."
    ]


def _of_version(version: PlanVersion) -> Iterator[str]:
    later = version.plan.versions.filter(valid_from__gt=version.valid_from).first()
    invoices = _finalized().filter(
        month__gte=version.valid_from.replace(day=1),
        tenant__in=Subscription.objects.filter(plan=version.plan_id).values("tenant"),
    )
    if later is not None:
        invoices = invoices.filter(month__lte=later.valid_from)
    rows = invoices.values_list("number", "snapshot__terms__plans")
    wanted = (version.plan.code, version.valid_from.isoformat())
    found = 0
    for number, plans in rows.iterator():
        if any((plan["plan"], plan["valid_from"]) == wanted for plan in plans or ()):
            yield number or ""
            found += 1
        if found == _MOST:
            return


def _of_contract(contract: BurstContract) -> list[str]:
    later = BurstContract.objects.filter(
        tenant=contract.tenant_id, chip=contract.chip, valid_from__gt=contract.valid_from
    ).first()
    invoices = _finalized().filter(
        tenant=contract.tenant_id, month__gte=contract.valid_from.replace(day=1)
    )
    if later is not None:
        invoices = invoices.filter(month__lte=later.valid_from)
    lines = InvoiceLine.objects.filter(invoice__in=invoices, group__chip=contract.chip)
    found = Invoice.objects.filter(pk__in=lines.values("invoice")).order_by("month", "pk")
    return [number or "" for number in found.values_list("number", flat=True)[:_MOST]]


def _finalized() -> "QuerySet[Invoice]":
    return Invoice.objects.exclude(status=Invoice.Status.DRAFT).order_by("month", "pk")
