"""The commands of metering, and what they say when something is wrong."""

import pytest
from django.core.management import CommandError, call_command

from metering.api_keys import find_api_key
from metering.models import ApiKey, Tenant


@pytest.mark.parametrize(
    ("scopes", "granted"),
    [
        ([], {"ingest", "read"}),
        (["--scope", "ingest"], {"ingest"}),
        (["--scope", "read", "--scope", "ingest"], {"ingest", "read"}),
    ],
)
def test_the_key_is_the_last_line(
    scopes: list[str], granted: set[str], tenant: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("create_api_key", "--tenant", tenant.slug, *scopes)
    key = capsys.readouterr().out.splitlines()[-1]
    found = find_api_key(key)
    assert found
    assert (found.tenant, set(found.scopes)) == (tenant, granted)


def test_an_unknown_scope_makes_no_key(tenant: Tenant) -> None:
    with pytest.raises((CommandError, SystemExit)):
        call_command("create_api_key", "--tenant", tenant.slug, "--scope", "write")
    assert not ApiKey.objects.filter(tenant=tenant).exists()


def test_a_tenant_is_made_as_told(store: None) -> None:
    call_command("create_tenant", "acme", "--timezone", "Asia/Shanghai", "--currency", "CNY")
    made = Tenant.objects.get(slug="acme")
    assert (made.name, made.timezone, made.currency) == ("acme", "Asia/Shanghai", "CNY")


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (["acme", "--timezone", "Mars/Olympus"], "timezone"),
        (["acme", "--currency", "euro"], "currency"),
        (["acme", "--currency", "usd"], "currency"),
        (["two words"], "slug"),
        (["taken"], "slug"),
    ],
)
def test_a_tenant_that_cannot_be_names_the_field(
    arguments: list[str], field: str, store: None
) -> None:
    Tenant.objects.create(slug="taken", name="Taken")
    with pytest.raises(CommandError) as error:
        call_command("create_tenant", *arguments)
    assert str(error.value).startswith(f"{field}: ")
    assert "\n" not in str(error.value)
    assert Tenant.objects.count() == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["create_api_key", "--tenant", "nobody"],
        ["rollup", "--tenant", "nobody"],
        ["replay", "file", "--format", "mooncake", "--tenant", "nobody"],
    ],
)
def test_an_unknown_tenant_is_one_sentence(arguments: list[str], store: None) -> None:
    with pytest.raises(CommandError, match="there is no tenant 'nobody'"):
        call_command(*arguments)


@pytest.mark.parametrize(
    "arguments", [["rollup"], ["replay", "file", "--format", "events", "--tenant", "acme"]]
)
def test_a_store_that_is_down_is_one_sentence(
    arguments: list[str], db: None, store_down: None
) -> None:
    Tenant.objects.create(slug="acme", name="Acme")
    with pytest.raises(CommandError, match="the event store does not answer") as error:
        call_command(*arguments)
    assert "\n" not in str(error.value)


def test_rollup_says_how_many_hours(tenant: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("rollup", "--tenant", tenant.slug)
    assert capsys.readouterr().out == "rolled up 0 hours\n"
