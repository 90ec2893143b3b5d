"""Telling a tenant something: written down with what it is about, sent by the worker later."""

from dataclasses import dataclass, field

from django.db import transaction

from metering.models import Tenant
from metering.notices.models import AlertChannel, Delivery, Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is told: `key` names the occasion, `data` says it to machines."""

    key: str
    kind: str
    subject: str
    text: str
    data: dict[str, object] = field(default_factory=dict)


def tell(tenant: Tenant, told: Told) -> None:
    """Queue it for every channel of the tenant, once for its key."""
    with transaction.atomic():
        notice, new = Notice.objects.get_or_create(
            tenant=tenant,
            key=told.key,
            defaults={
                "kind": told.kind,
                "subject": told.subject,
                "text": told.text,
                "data": told.data,
            },
        )
        if new:
            channels = AlertChannel.objects.filter(tenant=tenant, enabled=True)
            rows = [Delivery(notice=notice, channel=channel) for channel in channels]
            Delivery.objects.bulk_create(rows)
