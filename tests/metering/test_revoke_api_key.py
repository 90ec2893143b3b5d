"""A key that leaked is refused by command, and no other key with it."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from metering.api_keys import create_api_key, find_api_key
from metering.models import Tenant

pytestmark = pytest.mark.django_db


def test_a_revoked_key_is_refused_and_others_are_not() -> None:
    tenant = Tenant.objects.create(slug="acme", name="Acme")
    leaked, kept = create_api_key(tenant), create_api_key(tenant)
    call_command("revoke_api_key", leaked, tenant="acme")
    assert find_api_key(leaked) is None
    assert find_api_key(kept) is not None


def test_an_unknown_beginning_and_a_foreign_key_revoke_nothing() -> None:
    for slug in ("acme", "zenith"):
        Tenant.objects.create(slug=slug, name=slug)
    foreign = create_api_key(Tenant.objects.get(slug="zenith"))
    for beginning in ("dbk_nobody", foreign, ""):
        with pytest.raises(CommandError, match="0 live keys of acme begin so; live are: none"):
            call_command("revoke_api_key", beginning, tenant="acme")
    assert find_api_key(foreign) is not None
