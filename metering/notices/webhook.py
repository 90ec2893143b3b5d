"""Signed posts to an address of a tenant's, after the Standard Webhooks specification.

`webhook-signature` is `v1,` and the Base64 of HMAC-SHA256 over `ID.TIMESTAMP.BODY`; the key is what
stands in Base64 behind `whsec_`. Who receives it takes an id once, and no timestamp of long ago.
"""

import base64
import hashlib
import hmac
import http.client
import secrets
from contextlib import closing
from urllib.parse import urlsplit

PREFIX = "whsec_"
_TIMEOUT_SECONDS = 10
_ACCEPTED = range(200, 300)


class NotDelivered(Exception):
    """Why a post did not arrive, in a few words."""


def new_secret() -> str:
    """256 random bits."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signature(secret: str, message: str, timestamp: int, body: bytes) -> str:
    """What `webhook-signature` says of a message."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def post(url: str, secret: str, message: str, timestamp: int, body: bytes) -> None:
    """Post JSON once, following no redirect. Raises NotDelivered."""
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Daybook",
        "webhook-id": message,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret, message, timestamp, body),
    }
    try:
        status = _status(url, headers, body)
    except (OSError, http.client.HTTPException) as error:
        raise NotDelivered(f"it could not be reached: {error}") from error
    if status not in _ACCEPTED:
        raise NotDelivered(f"it answered {status}")


def _status(url: str, headers: dict[str, str], body: bytes) -> int:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    address = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    with closing(kind(parts.hostname or "", parts.port, timeout=_TIMEOUT_SECONDS)) as connection:
        connection.request("POST", address, body, headers)
        return connection.getresponse().status
