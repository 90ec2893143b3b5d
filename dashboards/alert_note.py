"""An alert in one line, for the card of the number it is about."""

from decimal import Decimal

from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboards import formats
from metering.models import Alert
from metering.usage.alert import FIRES_BELOW


def alert_note(alert: Alert, zone: str) -> SafeString:
    """That the hit rate of the last 24 hours is low, how low, and since when."""
    return format_html(
        '<span class="pill bad">Alert</span> hit rate {} over 24{}hours, under {} since {}',
        formats.percent(Decimal(alert.value)),
        formats.NBSP,
        formats.percent(FIRES_BELOW, places=0),
        formats.moment(alert.fired_at, zone),
    )
