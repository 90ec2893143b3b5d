"""Alice owns acme and decides who belongs to it; Bob looks; Charlie belongs elsewhere."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client

from dashboards.models import Invitation, Membership
from metering.models import AuditEntry, Tenant
from tests.dashboards.conftest import logged_in, member

PAGE = "/members/"
PASSWORD = "three plain words"


def invited(owner: Client, name: str = "dave@example.com", role: str = "finance") -> str:
    """The address that an invitation gives."""
    page = owner.post(PAGE, {"do": "invite", "name": name, "role": role}).content.decode()
    found = re.search(r"<code>http://testserver(/join/[^<]+)</code>", page)
    assert found, page
    return found[1]


def joined(address: str, name: str = "dave") -> Client:
    """Somebody new who fills the form behind a link."""
    person = Client()
    form = {"username": name, "password1": PASSWORD, "password2": PASSWORD}
    response = person.post(address, form)
    assert (response.status_code, response["Location"]) == (302, "/?tenant=acme")
    return person


def log(tenant: Tenant) -> list[tuple[str, str, str]]:
    found = AuditEntry.objects.filter(chain__tenant=tenant).order_by("position")
    return [(entry.actor, entry.action, entry.subject) for entry in found]


def of(name: str) -> Membership:
    return Membership.objects.get(user__username=name)


def test_who_is_invited_joins_with_a_new_account(alice: Client, acme: Tenant) -> None:
    dave = joined(invited(alice))
    assert of("dave").role == "finance"
    assert dave.get("/invoices/").context["tenant"] == acme
    assert log(acme) == [
        ("user alice", "member.invited", "dave@example.com"),
        ("user dave", "member.joined", "dave"),
    ]
    text = alice.get("/activity/").content.decode()
    assert "invited <strong>dave@example.com</strong>" in text


def test_who_is_invited_joins_with_the_account_there_is(
    alice: Client, charlie: Client, acme: Tenant
) -> None:
    address = invited(alice)
    assert "with the account charlie" in charlie.get(address).content.decode()
    assert charlie.post(address).status_code == 302
    assert charlie.get("/?tenant=acme").status_code == 200
    again = charlie.post(invited(alice, "charlie"))
    assert again.status_code == 400
    assert "is a member of" in again.content.decode()


def test_a_link_works_once_and_for_a_week(alice: Client, acme: Tenant, client: Client) -> None:
    used = invited(alice)
    joined(used)
    assert client.get(used).status_code == 404
    with time_machine.travel(datetime(2026, 10, 1, 12, tzinfo=UTC), tick=False) as clock:
        # The session of before would be of the future.
        alice.force_login(User.objects.get(username="alice"))
        late = invited(alice)
        clock.shift(timedelta(days=7, seconds=-1))
        assert client.get(late).status_code == 200
        clock.shift(timedelta(seconds=1))
        assert client.get(late).status_code == 404
    assert client.get("/join/nothing/").status_code == 404


def test_a_link_is_shown_once_and_kept_as_a_digest(alice: Client, acme: Tenant) -> None:
    token = invited(alice).split("/")[2]
    assert token not in alice.get(PAGE).content.decode()
    assert token not in str(Invitation.objects.values())
    assert token not in str(AuditEntry.objects.values())


def test_an_invitation_can_be_withdrawn(alice: Client, acme: Tenant, client: Client) -> None:
    address = invited(alice)
    pk = Invitation.objects.get().pk
    assert alice.post(PAGE, {"do": "withdraw", "id": pk}).status_code == 302
    assert client.get(address).status_code == 404
    assert alice.post(PAGE, {"do": "withdraw", "id": pk}).status_code == 400


def test_a_weak_password_is_refused_with_its_reason(
    alice: Client, acme: Tenant, client: Client
) -> None:
    form = {"username": "dave", "password1": "password", "password2": "password"}
    response = client.post(invited(alice), form)
    assert response.status_code == 400
    assert "too common" in response.content.decode()
    assert not User.objects.filter(username="dave").exists()


def test_a_role_is_changed_and_a_member_removed(alice: Client, bob: Client, acme: Tenant) -> None:
    assert bob.get("/").status_code == 200
    pk = of("bob").pk
    assert alice.post(PAGE, {"do": "change", "id": pk, "role": "developer"}).status_code == 302
    assert of("bob").role == "developer"
    assert alice.post(PAGE, {"do": "remove", "id": pk}).status_code == 302
    assert bob.get("/").status_code == 403
    assert [action for _, action, _ in log(acme)] == ["member.changed", "member.removed"]


def test_a_tenant_keeps_an_owner(alice: Client, acme: Tenant) -> None:
    pk = of("alice").pk
    for form in ({"do": "remove"}, {"do": "change", "role": "viewer"}):
        response = alice.post(PAGE, form | {"id": pk})
        assert response.status_code == 400
        assert "keeps at least one owner" in response.content.decode()
    member("erin", acme, "owner")
    assert alice.post(PAGE, {"do": "remove", "id": pk}).status_code == 302
    assert alice.get(PAGE).status_code == 403


@pytest.mark.parametrize("role", ["viewer", "finance", "developer"])
def test_only_an_owner_decides(alice: Client, acme: Tenant, role: str) -> None:
    dora = member("dora", acme, role)
    text = dora.get(PAGE).content.decode()
    assert "alice" in text
    assert "Invite somebody" not in text
    for form in (
        {"do": "invite", "name": "x", "role": "owner"},
        {"do": "change", "id": of("dora").pk, "role": "owner"},
        {"do": "remove", "id": of("alice").pk},
    ):
        assert dora.post(PAGE, form).status_code == 403
    assert of("dora").role == role


def test_nobody_reaches_the_members_of_another_tenant(
    alice: Client, charlie: Client, acme: Tenant
) -> None:
    invited(alice)
    for form in (
        {"do": "remove", "id": of("alice").pk},
        {"do": "change", "id": of("alice").pk, "role": "viewer"},
        {"do": "withdraw", "id": Invitation.objects.get().pk},
    ):
        assert charlie.post(PAGE, form).status_code == 400
    assert of("alice").role == "owner"
    assert Invitation.objects.get().open
    assert "alice" not in charlie.get(PAGE).content.decode()


def test_what_makes_no_sense_changes_nothing(alice: Client, acme: Tenant) -> None:
    pk = of("alice").pk
    assert alice.post(PAGE, {"do": "invite", "name": " ", "role": "viewer"}).status_code == 400
    assert alice.post(PAGE, {"do": "invite", "name": "x", "role": "king"}).status_code == 400
    assert alice.post(PAGE, {"do": "change", "id": pk, "role": "king"}).status_code == 400
    assert alice.post(PAGE, {"do": "change", "id": "x"}).status_code == 404
    assert alice.post(PAGE, {"do": "praise", "id": pk}).status_code == 404
    assert log(acme) == []


def test_a_form_from_elsewhere_is_refused(acme: Tenant) -> None:
    member("alice", acme, "owner")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get(username="alice"))
    form = {"do": "invite", "name": "x", "role": "owner"}
    assert strict.post(PAGE, form).status_code == 403


def test_activity_goes_on_page_by_page(acme: Tenant, alice: Client) -> None:
    for n in range(51):
        alice.post(PAGE, {"do": "invite", "name": f"guest {n:02}", "role": "viewer"})
    first = alice.get("/activity/").content.decode()
    assert "guest 50" in first
    assert "guest 00" not in first
    assert 'href="?after=2"' in first
    assert "guest 00" in alice.get("/activity/?after=2").content.decode()
    assert "nothing earlier" in alice.get("/activity/?after=1").content.decode()


def test_the_operator_sees_members_and_superusers_may_change_them(acme: Tenant) -> None:
    member("alice", acme, "owner")
    staff = logged_in(User.objects.create(username="olga", is_staff=True))
    form = {"do": "invite", "name": "x", "role": "owner"}
    assert staff.get(f"{PAGE}?tenant=acme").status_code == 200
    assert staff.post(PAGE, form).status_code == 403
    root = logged_in(User.objects.create(username="root", is_staff=True, is_superuser=True))
    assert root.post(f"{PAGE}?tenant=acme", form).status_code == 200
