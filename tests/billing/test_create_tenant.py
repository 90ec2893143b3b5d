"""`create_tenant` makes a whole tenant or none, and says what to mend."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from billing.models import Plan, Subscription
from metering.audit import log_of
from metering.models import Tenant

pytestmark = pytest.mark.django_db


def test_a_tenant_is_made_on_its_plan() -> None:
    Plan.objects.create(code="pro", currency="EUR")
    call_command(
        "create_tenant", "acme", "--timezone=Europe/Berlin", "--currency=EUR", "--plan=pro"
    )
    tenant = Tenant.objects.get(slug="acme")
    assert (tenant.name, tenant.timezone, tenant.currency) == ("acme", "Europe/Berlin", "EUR")
    assert Subscription.objects.get(tenant=tenant).plan.code == "pro"
    assert [entry.action for entry in log_of(tenant, 10)] == ["tenant.created"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["acme", "--timezone=Mars/Olympus"], "timezone: 'Mars/Olympus' is not an IANA time zone"),
        (["acme", "--currency=dollars"], "currency:"),
        (["not a slug"], "slug:"),
        (["acme", "--plan=gold"], "there is no plan 'gold'"),
        (["acme", "--plan=euros"], "add --currency EUR"),
        (["taken"], "slug:"),
    ],
)
def test_what_cannot_be_made_is_one_sentence_and_leaves_nothing(
    arguments: list[str], says: str
) -> None:
    Plan.objects.create(code="euros", currency="EUR")
    Tenant.objects.create(slug="taken", name="Taken")
    with pytest.raises(CommandError, match=says):
        call_command("create_tenant", *arguments)
    assert list(Tenant.objects.values_list("slug", flat=True)) == ["taken"]
