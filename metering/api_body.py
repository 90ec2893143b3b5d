"""The body of a call that changes something: bounded, unpacked, and 4xx where it cannot be read."""

from typing import TypeVar

import msgspec
from django.conf import settings
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request

from metering.request_body import BodyTooLarge, BodyUnreadable, UnknownEncoding, read_body

T = TypeVar("T")


class TooLarge(APIException):
    """More than is taken in one request."""

    status_code = 413
    default_code = "Content Too Large"


def body_of(request: Request) -> bytes:
    """The body, within the bounds of one that brings events."""
    try:
        return read_body(request._request, settings.INGEST_MAX_BODY_BYTES)
    except BodyTooLarge as error:
        raise TooLarge(str(error)) from None
    except (UnknownEncoding, BodyUnreadable) as error:
        raise ValidationError({"body": str(error)}) from None


def json_of(request: Request, kind: type[T]) -> T:
    """The body as JSON of this shape; 400 names the field."""
    try:
        return msgspec.json.decode(body_of(request), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValidationError({"body": str(error)}) from None
