"""`manage.py verify_audit`."""

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from metering.audit import verify_chain
from metering.commands import find_tenant, prepared
from metering.models import AuditChain, AuditEntry

_HEAD = "such as 'tenant 7:42:0a1b…', as this command printed it"


class Command(BaseCommand):
    help = (
        "Check that no entry of the audit log was changed or removed, and print the head of every"
        " chain: kept elsewhere, it shows later that the last entries are still there (--head)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", metavar="SLUG", help="only the chain of this tenant")
        parser.add_argument(
            "--head", action="append", default=[], help=f"a head printed before, {_HEAD}"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with prepared():
            chains = AuditChain.objects.all()
            if options["tenant"]:
                chains = chains.filter(tenant=find_tenant(options["tenant"]))
            faults = [*self._check(list(chains)), *map(_missing, options["head"])]
        if broken := list(filter(None, faults)):
            raise CommandError("\n".join(broken))

    def _check(self, chains: list[AuditChain]) -> Iterator[str]:
        for chain in chains:
            wrong = [f"{chain.name}: {fault}" for fault in verify_chain(chain)]
            yield from wrong
            if not wrong:
                self.stdout.write(f"{chain.name}:{chain.length}:{chain.head}")


def _missing(head: str) -> str:
    """What is wrong with a head that was printed before."""
    name, _, rest = head.partition(":")
    position, _, digest = rest.partition(":")
    if not position.isdigit() or not digest:
        raise CommandError(f"--head: {head!r} is no head, {_HEAD}")
    if not int(position):
        return ""
    entry = AuditEntry.objects.filter(chain__name=name, position=int(position))
    if not entry.filter(digest=digest).exists():
        return f"{name}: entry {position} is not the one that was there"
    return ""
