"""What a field of a model may hold."""

from urllib.parse import urlsplit
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError


def validate_timezone(value: str) -> None:
    """Refuse what is not an IANA zone."""
    if value not in available_timezones():
        raise ValidationError(f"{value!r} is not an IANA time zone such as Europe/Berlin")


def validate_http_url(value: str) -> None:
    """Refuse what is not an http or https address of a host."""
    try:
        parts = urlsplit(value)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or not value.isprintable() or " " in value:
        raise ValidationError(f"{value!r} is not an http or https address")
    if "@" in parts.netloc:
        raise ValidationError("write no user or password into the address")
