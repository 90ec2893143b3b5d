"""Sends what is due, each by one worker at a time, and tries again what did not arrive."""

import logging
from datetime import datetime, timedelta

import msgspec
from django.conf import settings
from django.core.mail import send_mail
from django.utils import timezone

from metering.notices.models import AlertChannel, Delivery
from metering.notices.webhook import NotDelivered, post

logger = logging.getLogger(__name__)

# Waits of one minute, two, four … at most six hours: given up after a day and a half.
MOST_ATTEMPTS = 15
_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=6)
# Longer than sending takes: a worker that is killed meanwhile keeps nobody from it for longer.
_CLAIM = timedelta(minutes=2)
_AT_ONCE = 200
_LONGEST_ERROR = 500


def deliver_due() -> int:
    """Send what is due; how many arrived."""
    due = Delivery.objects.filter(due_at__lte=timezone.now())
    found = due.select_related("notice__tenant", "channel").order_by("due_at")
    return sum(_delivered(delivery) for delivery in found[:_AT_ONCE])


def _delivered(delivery: Delivery) -> bool:
    """Whether it arrived; nothing is done where another worker has it."""
    now = timezone.now()
    mine = Delivery.objects.filter(pk=delivery.pk, due_at=delivery.due_at)
    claim = now + _CLAIM
    if not mine.update(due_at=claim, attempts=delivery.attempts + 1):
        return False
    error = "" if delivery.channel.enabled else "the channel was disabled"
    if not error:
        error = _sent(delivery, now)
    outcome = _outcome(delivery.attempts + 1, error, now, last=not delivery.channel.enabled)
    Delivery.objects.filter(pk=delivery.pk, due_at=claim).update(**outcome)
    if error and outcome["due_at"] is None:
        logger.warning("gave up on %s: %s", delivery, error)
    return not error


def _outcome(attempts: int, error: str, now: datetime, *, last: bool) -> dict[str, object]:
    if not error:
        return {"due_at": None, "delivered_at": now, "last_error": ""}
    wait = min(_FIRST_WAIT * 2 ** (attempts - 1), _LONGEST_WAIT)
    given_up = last or attempts >= MOST_ATTEMPTS
    return {"due_at": None if given_up else now + wait, "last_error": error[:_LONGEST_ERROR]}


def _sent(delivery: Delivery, now: datetime) -> str:
    """What went wrong; nothing mostly."""
    send = _mail if delivery.channel.kind == AlertChannel.EMAIL else _post
    try:
        send(delivery, now)
    except NotDelivered as error:
        return str(error)
    except OSError as error:
        # All of smtplib's errors are.
        return f"the mail server refused it: {error}"
    return ""


def _mail(delivery: Delivery, now: datetime) -> None:
    if not settings.EMAIL_URL:
        raise NotDelivered("EMAIL_URL is not set, so no mail can be sent")
    notice = delivery.notice
    send_mail(notice.subject, notice.text, None, [delivery.channel.address])


def _post(delivery: Delivery, now: datetime) -> None:
    channel = delivery.channel
    message = f"msg_{delivery.notice_id}"
    post(channel.address, channel.secret, message, int(now.timestamp()), body(delivery))


def body(delivery: Delivery) -> bytes:
    """What is posted: the same bytes at every attempt."""
    notice = delivery.notice
    content = {
        "type": notice.kind,
        "timestamp": notice.created_at,
        "data": {"tenant": notice.tenant.slug, "subject": notice.subject, **notice.data},
    }
    return msgspec.json.encode(content)
