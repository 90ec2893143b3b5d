"""How a task's id stands in an address: it may hold slashes, spaces and anything else.

An id is written as it is, percent-encoded. One that an address cannot carry unharmed (a slash would
be taken for another folder, dots for the one above) is `~` and its UTF-8 in base64url, without
padding; addresses that this product writes are always right, and both forms are understood.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from django.urls import register_converter

# A task's id in a pattern of addresses; the view's parameter is `task`.
TASK = "<task:task>"

_MARK = "~"
# Unharmed by every client, proxy and server on the way.
_SAFE = re.compile(r"(?!\.+\Z)[^~/\\%?#;\x00-\x20\x7f][^/\\%?#;\x00-\x20\x7f]*")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


class TaskId:
    """A path converter: everything that follows is the id."""

    regex = r"[\s\S]+"

    def to_python(self, value: str) -> str:
        """Raises ValueError for what is marked and is no base64url of UTF-8."""
        if not value.startswith(_MARK):
            return value
        text = value[1:]
        if not _BASE64URL.fullmatch(text):
            raise ValueError("not base64url without padding")
        return urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()

    def to_url(self, value: str) -> str:
        if _SAFE.fullmatch(value):
            return value
        return _MARK + urlsafe_b64encode(value.encode()).decode().rstrip("=")


register_converter(TaskId, "task")
