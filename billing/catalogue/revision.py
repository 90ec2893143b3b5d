"""The catalogue as it is kept: numbered revisions, none of which ever changes.

An invoice whose charges need costs notes the number of the revision it was priced from.
"""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache

import msgspec
from django.db import models, transaction

from billing.catalogue.document import Document
from billing.catalogue.merge import changes, merge
from billing.catalogue.prices import CataloguePrices

# Not seeded yet: no name finds a price.
NONE = 0


class CatalogueRevision(models.Model):
    """A whole catalogue as JSON; the latest is in use."""

    number = models.PositiveIntegerField(unique=True)
    source = models.CharField(max_length=100)
    seeded_at = models.DateTimeField(auto_now_add=True)
    document = models.TextField()

    class Meta:
        app_label = "billing"
        ordering = ("-number",)

    def __str__(self) -> str:
        return f"revision {self.number} from {self.source}"


def latest_number() -> int:
    """The number of the revision in use, NONE before the first."""
    return CatalogueRevision.objects.aggregate(n=models.Max("number"))["n"] or NONE


def list_prices(number: int) -> CataloguePrices | None:
    """The prices of a revision, None for NONE."""
    return None if number == NONE else _prices(number)


@lru_cache(maxsize=4)
def _prices(number: int) -> CataloguePrices:
    return CataloguePrices(_document(number))


def _document(number: int) -> Document:
    text = CatalogueRevision.objects.get(number=number).document
    return msgspec.json.decode(text, type=Document)


def seed(
    new: Document, today: date, only: Iterable[str] = (), *, dry_run: bool = False
) -> list[str]:
    """Lay a catalogue over the one in use; returns what that changes, nothing the second time.

    Of two at once one is first, and the other finds that the number is taken (IntegrityError).
    """
    with transaction.atomic():
        number = latest_number()
        old = None if number == NONE else _document(number)
        merged = merge(old, new, today, only)
        if not dry_run and (old is None or merged.providers != old.providers):
            CatalogueRevision.objects.create(
                number=number + 1,
                source=new.source,
                document=msgspec.json.encode(merged).decode(),
            )
    return changes(old, merged)
