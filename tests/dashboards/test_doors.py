"""Every link of every page leads to a page that is there, and every place within one exists."""

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import resolve

from billing.invoicing import draft_invoice, finalize_invoice
from dashboards.frame import MOST_TENANTS
from dashboards.models import Membership
from metering.models import Tenant
from tests.dashboards.conftest import logged_in

LINK = re.compile(r'<a\b[^>]*?href="([^"]*)"')


@pytest.fixture
def olga(worked: Tenant) -> Client:
    """The operator, who is acme's owner as well."""
    finalize_invoice(draft_invoice(worked, "2026-10"))
    user = User.objects.create(username="olga", is_staff=True, is_superuser=True)
    Membership.objects.create(user=user, tenant=worked, role="owner")
    return logged_in(user)


def kind(url: str) -> tuple[str, ...]:
    """Addresses of a kind are looked at once: the same page asked with the same names."""
    parts = urlsplit(url)
    return (resolve(parts.path).view_name, *sorted(parse_qs(parts.query)))


def links(page: str, text: str) -> Iterator[str]:
    for link in map(unescape, LINK.findall(text)):
        if link.startswith("?"):
            yield urlsplit(page).path + link
        else:
            yield page + link if link.startswith("#") else link


def test_every_door_leads_somewhere(olga: Client) -> None:
    waiting, seen, wrong = ["/?month=2026-10"], set(), []
    while waiting:
        page = waiting.pop(0).split("#")[0]
        if page.startswith(("/admin/", "mailto:")) or kind(page) in seen:
            continue
        seen.add(kind(page))
        response = olga.get(page)
        if response.status_code not in {200, 302}:
            wrong.append(f"{page}: {response.status_code}")
        if "text/html" in response["Content-Type"]:
            text = response.content.decode()
            found = list(links(page, text))
            inside = {link.partition("#")[2] for link in found if link.startswith(f"{page}#")}
            wrong += [f"{page}#{name}" for name in inside if f'id="{name}"' not in text]
            waiting += [link for link in found if not link.startswith(f"{page}#")]
    assert wrong == [], "\n".join(wrong)
    names = {name for name, *_ in seen}
    assert {"agent", "task", "refused", "line-events", "explorer-events", "budgets"} <= names


def test_many_tenants_are_searched_in_one_query(
    staff: Client, acme: Tenant, django_assert_max_num_queries: object
) -> None:
    assert "Find a tenant" not in staff.get("/tenants/").content.decode()
    Tenant.objects.bulk_create(
        Tenant(slug=f"shop-{n}", name=f"Shop {n:03}") for n in range(MOST_TENANTS + 100)
    )
    page = staff.get("/tenants/").content.decode()
    assert "Find a tenant" in page
    menu = page[page.index('<details class="menu tenant">') : page.index("</details>")]
    assert menu.count("?tenant=") == MOST_TENANTS
    assert "These are the first 100" in page
    with django_assert_max_num_queries(5):  # type: ignore[operator]
        found = staff.get("/tenants/?q=shop 01").content.decode()
    main = found[found.index("<main") :]
    # 010 to 019
    assert main.count("?tenant=shop-1") == 10
    assert staff.get("/tenants/?q=ACM").headers["Location"] == "/?tenant=acme"
    assert "called anything like" in staff.get("/tenants/?q=%00nobody").content.decode()


def test_a_member_finds_only_their_own_tenants(charlie: Client, acme: Tenant) -> None:
    text = charlie.get("/tenants/?q=robot").content.decode()
    assert "called anything like" in text
    assert "Acme" not in text
    assert charlie.get("/tenants/?q=zen").headers["Location"] == "/?tenant=zenith"
    assert Client().get("/tenants/").status_code == 302
