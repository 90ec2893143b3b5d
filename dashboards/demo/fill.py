"""Fills an empty installation with the demonstration: configuration, events, invoices, log-ins."""

import json
import secrets
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import NoReturn
from zoneinfo import ZoneInfo

import msgspec
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone
from tqdm import tqdm

from billing.configuration import apply_configuration
from billing.configuration_schema import read_document
from billing.invoicing import close_month
from dashboards.demo.fleet import Fleet
from dashboards.demo.tenants import ACME, FLEETS
from dashboards.models import Membership
from metering.ingest import ingest
from metering.models import Tenant
from metering.rollups import roll_up

CONFIGURATION = Path(__file__).parent / "configuration.yaml"
OPERATOR = "operator"
_BATCH = 5_000


def fill() -> None:
    """Everything, with progress. Safe to run again after an interruption."""
    _incomplete().touch()
    apply_configuration(read_document(CONFIGURATION))
    now = timezone.now()
    for fleet in FLEETS:
        _send(fleet, now)
    _send_misspelt(now)
    _roll_up()
    last_month = now.replace(day=1) - timedelta(days=1)
    for _ in close_month(f"{last_month:%Y-%m}", Tenant.objects.all(), finalize=True):
        pass
    _incomplete().unlink()


def is_filled() -> bool:
    """Whether the installation holds tenants already, the demonstration's or anyone's."""
    return Tenant.objects.exists() and not _incomplete().exists()


def _incomplete() -> Path:
    """There while a filling is under way, so that an interrupted one is gone on with."""
    return settings.DATA_DIR / "demo-incomplete"


def _first_day(fleet: Fleet, now: datetime) -> date:
    """The first of last month, so that there is a whole month and the running one."""
    today = now.astimezone(ZoneInfo(fleet.timezone)).date()
    return (today.replace(day=1) - timedelta(days=1)).replace(day=1)


def _send(fleet: Fleet, now: datetime) -> None:
    tenant = Tenant.objects.get(slug=fleet.tenant)
    events = fleet.events(_first_day(fleet, now), now)
    with tqdm(unit=" events", desc=f"{tenant.name:20}") as bar:
        for batch in _batches(events):
            ingest(tenant, batch)
            bar.update(len(batch))


def _batches(events: Iterator[bytes]) -> Iterator[list[bytes]]:
    while batch := list(islice(events, _BATCH)):
        yield batch


def _send_misspelt(now: datetime) -> None:
    """A dozen events of a collector with a misspelt field, to be seen in quarantine."""
    event = {
        "specversion": "1.0",
        "source": "demo/legacy-collector",
        "type": "agent.tokens",
        "subject": "sql-analyst",
        "time": now - timedelta(hours=2),
        "data": {"model": "gpt-mini", "inputTokens": 1200, "output_tokens": 80},
    }
    bodies = [msgspec.json.encode(event | {"id": f"legacy-{n}"}) for n in range(12)]
    ingest(Tenant.objects.get(slug=ACME.tenant), bodies)


def _roll_up() -> None:
    with tqdm(unit=" steps", desc=f"{'Rolling up':20}") as bar:
        roll_up(Tenant.objects.all(), lambda *_: _step(bar))


def _step(bar: "tqdm[NoReturn]") -> None:
    bar.update()


def log_ins() -> dict[str, str]:
    """User names and passwords of the demonstration; made at the first start, kept in DATA_DIR."""
    path = settings.DATA_DIR / "demo-log-ins.json"
    if path.exists():
        found: dict[str, str] = json.loads(path.read_text())
        return found
    made = {name: secrets.token_urlsafe(9) for name in (OPERATOR, *(f.tenant for f in FLEETS))}
    for name, password in made.items():
        _user(name, password)
    path.touch(mode=0o600)
    path.write_text(json.dumps(made))
    return made


def _user(name: str, password: str) -> None:
    operator = name == OPERATOR
    user, _ = User.objects.get_or_create(
        username=name, defaults={"is_staff": operator, "is_superuser": operator}
    )
    user.set_password(password)
    user.save()
    if not operator:
        tenant = Tenant.objects.get(slug=name)
        Membership.objects.get_or_create(user=user, tenant=tenant, defaults={"role": "owner"})
