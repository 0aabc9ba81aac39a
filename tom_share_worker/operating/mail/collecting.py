"""Whom to tell of what, once a moment of quiet has passed; called by the sweep.

Only reads and writes rows: a mail server that hangs is no matter of the sweep.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Max, Min, Q, QuerySet
from django.utils import timezone

from tom_share_worker import conf
from tom_share_worker.models import Destination, IngestJob, Mail, Routine, Share
from tom_share_worker.operating import destinations
from tom_share_worker.operating.mail import rules, sending

Kind = Mail.Kind

QUIET = timedelta(minutes=1)
"""One e-mail tells of all that failed until nothing more did for so long."""

LONGEST = timedelta(minutes=10)
"""Nobody waits longer for it, however steadily things go on failing."""

CONTINUOUS_PAUSE = timedelta(hours=1)
"""Between two e-mails to a person on what persistent shares could not deliver: they
share as long as data is saved, and fail as often."""

TOO_OLD = timedelta(days=7)
"""What was not told for so long, as no worker ran, is told by the pages alone."""


def tend() -> None:
    """Write what is to be told, and ask for it to be sent."""
    if not conf.settings().EMAIL_ON_FAILURE:
        if Routine.objects.filter(name=Routine.MAILING).exists():
            Routine.objects.filter(name=Routine.MAILING).delete()
        return
    now = timezone.now()
    since = max(_switched_on(now), now - TOO_OLD)
    for kind in (Kind.FAILURES, Kind.CONTINUOUS):
        for user in _ripe(kind, since, now):
            _tell_of_failures(kind, user, since, now)
    for destination in Destination.objects.filter(paused=True, told=None):
        _tell_of_pause(destination, now)
    sending.tend(now)


def _switched_on(now: datetime) -> datetime:
    """Return since when e-mail is switched on: what was before is not told."""
    with transaction.atomic():
        row, is_new = Routine.objects.get_or_create(
            name=Routine.MAILING, defaults={"begun": now}
        )
        if is_new:
            Destination.objects.filter(paused=True, told=None).update(told=now)
    return row.begun or now


def _untold(kind: str, rows: Any, since: datetime, until: datetime) -> QuerySet[Any]:
    return rules.failed(kind, rows).filter(
        told=None, ended__gte=since, ended__lte=until
    )


class _Span(NamedTuple):
    first: datetime
    last: datetime


def _ripe(kind: str, since: datetime, now: datetime) -> Iterable[int]:
    """Return the people whom to tell now."""
    spans: dict[int, _Span] = {}
    for rows in (Share, IngestJob):
        told = _untold(kind, rows, since, now).filter(user__is_active=True)
        found = told.exclude(user__email="").order_by().values_list("user")
        for user, *ends in found.annotate(Min("ended"), Max("ended")):
            known = spans.get(user, _Span(*ends))
            spans[user] = _Span(min(known.first, ends[0]), max(known.last, ends[1]))
    lately = _told_lately(kind, now) if spans else set()
    return [
        user
        for user, span in spans.items()
        if user not in lately
        and (span.last <= now - QUIET or span.first <= now - LONGEST)
    ]


def _told_lately(kind: str, now: datetime) -> set[int | None]:
    if kind != Kind.CONTINUOUS:
        return set()
    told = Mail.objects.filter(kind=kind, created__gt=now - CONTINUOUS_PAUSE)
    return set(told.values_list("user_id", flat=True))


def _tell_of_failures(kind: str, user: int, since: datetime, now: datetime) -> None:
    """Claim what is to be told to a person, and write the e-mail of it."""
    with transaction.atomic():
        claimed = [
            _untold(kind, rows, since, now).filter(user_id=user).update(told=now)
            for rows in (Share, IngestJob)
        ]
        if any(claimed):
            _write(kind, now, user_id=user)


def _tell_of_pause(destination: Destination, now: datetime) -> None:
    """Claim a pause, and write an e-mail of it to each operator."""
    paused = Destination.objects.filter(pk=destination.pk, paused=True, told=None)
    with transaction.atomic():
        if not paused.update(told=now):
            return
        for whom in _operators(destination):
            _write(Kind.PAUSE, now, destination=destination.key, **whom)


def _operators(destination: Destination) -> list[dict[str, Any]]:
    """Return whom to tell of a pause: not the person who ordered it."""
    if addresses := conf.settings().EMAIL_OPERATORS:
        return [{"address": address} for address in addresses]
    people = get_user_model()._default_manager.filter(is_active=True).exclude(email="")
    staff = people.filter(Q(is_staff=True) | Q(is_superuser=True))
    return [
        {"user_id": person.pk}
        for person in staff
        if person.pk != destination.paused_by_id and destinations.may_steer(person)
    ]


def _write(kind: str, now: datetime, **about: Any) -> None:
    Mail.objects.create(kind=kind, created=now, next_attempt_at=now, **about)
