"""`manage.py quarantine`."""

import sys
import uuid
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from metering import quarantine
from metering.clickhouse.quarantine_query import STATES, WAITING, Entries, Quarantined
from metering.commands import find_tenant, prepared, read_moment
from metering.models import Tenant

_ACTOR = "manage.py quarantine"
_CHOICE = {"yes": True, "no": False}


class Command(BaseCommand):
    help = "List, show, replay and drop the events that were refused."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        listing = actions.add_parser("list", help="what waits, or was replayed or dropped")
        listing.add_argument("--by", choices=["detail", "source"], help="count instead")
        listing.add_argument("--state", choices=[*STATES, "all"], default=WAITING)
        listing.add_argument("--limit", type=int, default=100, metavar="N")
        show = actions.add_parser("show", help="one entry with what it is and why it was refused")
        show.add_argument("reference", type=uuid.UUID)
        show.add_argument("--out", type=Path, metavar="FILE", help="write the bytes as they came")
        replay = actions.add_parser(
            "replay", help="send one entry again, or all that match, as after a fix"
        )
        replay.add_argument(
            "--body",
            metavar="FILE",
            help="the event as it should be, a CloudEvent in JSON; - is standard input",
        )
        drop = actions.add_parser("drop", help="mark one entry, or all that match, as not wanted")
        drop.add_argument("--reason", required=True)
        for several in (replay, drop):
            several.add_argument("reference", type=uuid.UUID, nargs="?")
            several.add_argument("--all", action="store_true", help="everything that waits")
        for action in (listing, show, replay, drop):
            action.add_argument("--tenant", required=True, metavar="SLUG")
        for some in (listing, replay, drop):
            _add_filters(some)

    def handle(self, *args: Any, **options: Any) -> None:
        actions: dict[str, Callable[[Tenant, dict[str, Any]], None]] = {
            "list": self._list,
            "show": self._show,
            "replay": self._replay,
            "drop": self._drop,
        }
        with prepared(store=True):
            actions[options["action"]](find_tenant(options["tenant"]), options)

    def _list(self, tenant: Tenant, options: dict[str, Any]) -> None:
        state = "" if options["state"] == "all" else options["state"]
        entries = _entries(tenant, options, state)
        if options["by"]:
            for reason in entries.by(options["by"], options["limit"]):
                self.stdout.write(f"{reason.events:>10,}  {reason.name or '(none)'}")
            return
        for entry in entries.page(options["limit"]):
            self.stdout.write(_line(entry))
        self.stdout.write(f"{entries.count():,} in all")

    def _show(self, tenant: Tenant, options: dict[str, Any]) -> None:
        entry = _found(tenant, options["reference"])
        if options["out"]:
            options["out"].write_bytes(entry.raw)
            self.stdout.write(f"{len(entry.raw):,} bytes written to {options['out']}")
            return
        for name in (
            "reference",
            "received_at",
            "source",
            "id",
            "state",
            "detail",
            "note",
            "actor",
            "acted_at",
            "repaired",
            "body",
        ):
            if value := getattr(entry, name):
                self.stdout.write(f"{name}: {value}")

    def _replay(self, tenant: Tenant, options: dict[str, Any]) -> None:
        body = _body(options)
        if options["reference"]:
            outcome = _waiting(
                lambda entry: quarantine.replay(tenant, entry, _ACTOR, body), tenant, options
            )
        else:
            if body is not None:
                raise CommandError("--body: repairs one entry; name it by its reference")
            entries = _several(tenant, options)
            with tqdm(total=entries.count(), unit="ev", disable=None) as bar:
                outcome = quarantine.replay_all(
                    tenant, entries, _ACTOR, lambda done: _show(bar, done)
                )
        self.stdout.write(
            f"{outcome.accepted} stored, {outcome.duplicates} there already,"
            f" {len(outcome.still_waiting)} still in quarantine"
        )
        if outcome.still_waiting:
            reference, detail = outcome.still_waiting[0]
            raise CommandError(f"the first that was refused again: {reference}: {detail}")

    def _drop(self, tenant: Tenant, options: dict[str, Any]) -> None:
        try:
            if options["reference"]:
                _waiting(
                    lambda entry: quarantine.drop(tenant, entry, _ACTOR, options["reason"]),
                    tenant,
                    options,
                )
                dropped = 1
            else:
                entries = _several(tenant, options)
                dropped = quarantine.drop_all(tenant, entries, _ACTOR, options["reason"])
        except ValueError as error:
            raise CommandError(f"--{error}") from None
        self.stdout.write(f"{dropped} dropped")


def _show(bar: "tqdm[NoReturn]", done: int) -> None:
    bar.update(done)


def _add_filters(parser: ArgumentParser) -> None:
    parser.add_argument("--detail", default="", metavar="TEXT", help="how the reason begins")
    parser.add_argument("--source", metavar="NAME")
    parser.add_argument("--unmetered", choices=[*_CHOICE], help="calls without usage, or others")
    parser.add_argument("--from", metavar="ISO", help="received at or after this")
    parser.add_argument("--to", metavar="ISO", help="received before this")


def _entries(tenant: Tenant, options: dict[str, Any], state: str) -> Entries:
    return Entries(
        tenant=tenant.id,
        state=state,
        detail=options["detail"],
        source=options["source"],
        unmetered=_CHOICE.get(options["unmetered"]),
        received_from=read_moment("--from", options["from"], tenant),
        received_to=read_moment("--to", options["to"], tenant),
    )


def _several(tenant: Tenant, options: dict[str, Any]) -> Entries:
    """What is meant without a reference; everything only if that was said."""
    asked = ("detail", "source", "unmetered", "from", "to", "all")
    if not any(options[name] for name in asked):
        raise CommandError("name an entry by its reference, or say which by --detail … or --all")
    return _entries(tenant, options, WAITING)


def _waiting(do: Callable[[Quarantined], Any], tenant: Tenant, options: dict[str, Any]) -> Any:
    try:
        return do(_found(tenant, options["reference"]))
    except quarantine.NotWaiting as error:
        raise CommandError(f"{options['reference']}: {error}") from None


def _found(tenant: Tenant, reference: uuid.UUID) -> Quarantined:
    entry = quarantine.find(tenant, reference)
    if entry is None:
        raise CommandError(f"there is no entry {reference} in the quarantine of {tenant.slug}")
    return entry


def _body(options: dict[str, Any]) -> bytes | None:
    name = options["body"]
    if name is None:
        return None
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error}") from None


def _line(entry: Quarantined) -> str:
    who = " ".join(filter(None, (entry.source, entry.id))) or "(no id)"
    when = f"{entry.received_at:%Y-%m-%d %H:%M}Z"
    return f"{entry.reference}  {when}  {entry.state}  {who}: {entry.detail}"
