"""Sends one e-mail at a time: claim, mail server, record; called by its task.

A mail server that hangs holds one thread of one worker, for two minutes at most. What
it surely did not take is tried again; what it may have taken is not.
"""

from __future__ import annotations

import logging
import smtplib
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from django.core import mail as django_mail
from django.core.mail.backends import smtp
from django.db.models import F
from django.utils import timezone

from tom_share_worker import hints
from tom_share_worker.models import Mail
from tom_share_worker.models.logged import Action, fields
from tom_share_worker.operating.mail import text

logger = logging.getLogger(__name__)

Status = Mail.Status

WAITS = tuple(timedelta(minutes=n) for n in (1, 5, 15, 60))
"""Between the attempts; after the last one the e-mail is given up."""

SILENCE = 15.0
"""Seconds without a sign of the mail server, where EMAIL_TIMEOUT says nothing."""

PATIENCE = 60.0
"""Seconds it may take to reach the mail server, and again to hand the e-mail over."""

LAPSE = timedelta(minutes=5)
"""After so long the worker that took up an e-mail is gone."""

KEPT = timedelta(days=30)
"""How long the rows are kept, for those who look why nothing arrived."""


class Outcome(Enum):
    """What came of an attempt, as a sentence for the row and the log."""

    SENT = ""
    UNREACHED = "The mail server could not be reached."
    BUSY = "The mail server asked to come again later."
    REFUSED = "The mail server refused it."
    UNSURE = (
        "The mail server broke off while it was handed over, so it may have arrived; "
        "it is not sent again."
    )
    LOST = (
        "The worker was lost while it was handed over, so it may have arrived; it is "
        "not sent again."
    )
    TAKEN = "This worker was slow, and another one has it by now."


AGAIN = (Outcome.UNREACHED, Outcome.BUSY)
"""After these the mail server surely has not taken it."""


def tend(now: datetime) -> None:
    """Give back what lost its worker, forget what is old, ask for the next one."""
    if Mail.objects.filter(status__in=Mail.UNDER_WAY).exists():
        _give_back(now)
    old = Mail.objects.filter(ended__lt=now - KEPT)
    if old.exists():
        old.delete()
    hint_next(now)


def _give_back(now: datetime) -> None:
    """Release what lost its worker; end what may have arrived, or loses each worker."""
    lapsed = Mail.objects.filter(claimed__lt=now - LAPSE)
    lapsed.filter(status=Status.SENDING).update(
        status=Status.FAILED, ended=now, note=Outcome.LOST.value
    )
    opening = lapsed.filter(status=Status.OPENING)
    opening.filter(attempt_count__gt=len(WAITS)).update(
        status=Status.FAILED, ended=now, note="Its worker was lost again and again."
    )
    opening.update(status=Status.QUEUED, claimed=None)


def hint_next(now: datetime) -> int | None:
    """Ask for the next one to be sent, unless one is being sent; return which."""
    if Mail.objects.filter(status__in=Mail.UNDER_WAY).exists():
        return None
    due = Mail.objects.filter(status=Status.QUEUED, next_attempt_at__lte=now)
    pk = due.order_by("next_attempt_at", "pk").values_list("pk", flat=True).first()
    if pk is not None:
        hints.mail(pk)
    return pk


def run(mail_pk: int) -> str:
    """Send an e-mail, if it is to be had; say in words what came of it."""
    now = timezone.now()
    claimed = Mail.objects.filter(
        pk=mail_pk, status=Status.QUEUED, next_attempt_at__lte=now
    ).update(status=Status.OPENING, claimed=now, attempt_count=F("attempt_count") + 1)
    if not claimed:
        return "Nothing to do: not due, or taken by another worker."
    mail = Mail.objects.select_related("user").get(pk=mail_pk)
    message = text.compose(mail)
    if message is None:
        note = "By then nothing of it was left to tell."
        _ours(mail).update(status=Status.NOT_NEEDED, ended=now, note=note)
    else:
        _record(mail, _hand_over(mail, message))
    mail.refresh_from_db()
    hint_next(timezone.now())
    return f"{mail.get_status_display()}. {mail.note}".strip()


def _ours(mail: Mail) -> Any:
    """Return the row while our claim holds."""
    return Mail.objects.filter(pk=mail.pk, claimed=mail.claimed)


def _hand_over(mail: Mail, message: Any) -> Outcome:
    """Speak to the mail server; every way that it may fail is one outcome."""
    try:
        connection = _within(PATIENCE, _opened)
    except Exception as error:  # noqa: BLE001  (whatever it is, nothing was sent)
        logger.warning("E-mail %s: %s", mail.pk, _named(error), extra=_about(mail))
        return Outcome.UNREACHED
    try:
        if not _ours(mail).filter(status=Status.OPENING).update(status=Status.SENDING):
            return Outcome.TAKEN
        return _sent(mail, connection, message)
    finally:
        with suppress(Exception):  # what is sent is sent, however it says goodbye
            _within(SILENCE, connection.close)


def _sent(mail: Mail, connection: Any, message: Any) -> Outcome:
    try:
        _within(PATIENCE, lambda: connection.send_messages([message]))
    except Exception as error:  # noqa: BLE001  (backends of a TOM's own raise anything)
        logger.warning("E-mail %s: %s", mail.pk, _named(error), extra=_about(mail))
        return _verdict(error)
    return Outcome.SENT


def _opened() -> Any:
    """Return a connection on which the mail server has said that it is there."""
    connection: Any = django_mail.get_connection()
    if getattr(connection, "timeout", SILENCE) is None:
        connection.timeout = SILENCE  # as Django has it, it would wait for ever
    try:
        connection.open()
        if isinstance(connection, smtp.EmailBackend) and connection.connection:
            connection.connection.ehlo_or_helo_if_needed()
    except Exception:
        with suppress(Exception):  # at once, without another word to that server
            (getattr(connection, "connection", None) or connection).close()
        raise
    return connection


def _verdict(error: Exception) -> Outcome:
    """Say what an error in the middle of handing it over means."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
    elif isinstance(error, smtplib.SMTPResponseException):
        codes = [error.smtp_code]
    else:
        return Outcome.UNSURE
    return Outcome.BUSY if all(400 <= code < 500 for code in codes) else Outcome.REFUSED


def _named(error: Exception) -> str:
    """Name an error without what the server said, which may repeat addresses."""
    code = getattr(error, "smtp_code", "")
    return f"{type(error).__name__} {code}".strip()


def _record(mail: Mail, outcome: Outcome) -> None:
    """Move the row on; log what is given up."""
    now = timezone.now()
    if outcome is Outcome.TAKEN:
        logger.warning("E-mail %s: %s", mail.pk, outcome.value, extra=_about(mail))
    elif outcome is Outcome.SENT:
        _ours(mail).update(status=Status.SENT, ended=now, note="")
        logger.info("E-mail %s (%s) is sent.", mail.pk, mail.kind, extra=_about(mail))
    elif outcome in AGAIN and mail.attempt_count <= len(WAITS):
        _ours(mail).update(
            status=Status.QUEUED,
            claimed=None,
            next_attempt_at=now + WAITS[mail.attempt_count - 1],
            note=f"{outcome.value} It is tried again.",
        )
    else:
        _ours(mail).update(status=Status.FAILED, ended=now, note=outcome.value)
        logger.error(
            "E-mail %s (%s) is given up: %s",
            *(mail.pk, mail.kind, outcome.value),
            extra=_about(mail),
        )


def _about(mail: Mail) -> dict[str, Any]:
    return fields(Action.MAIL, mail=mail.pk)


def _within(seconds: float, act: Callable[[], Any]) -> Any:
    """Return what this returns, or give up waiting: it goes on in a thread apart."""
    result: list[Any] = []
    raised: list[Exception] = []

    def go() -> None:
        try:
            result.append(act())
        except Exception as error:  # noqa: BLE001  (raised anew below)
            raised.append(error)

    thread = threading.Thread(target=go, name="share-mail", daemon=True)
    thread.start()
    thread.join(seconds)
    if raised:
        raise raised[0]
    if not result:
        raise TimeoutError
    return result[0]
