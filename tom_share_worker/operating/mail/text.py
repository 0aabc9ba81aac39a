"""What an e-mail says, read from the rows as they are when it is sent.

Only what its reader may view by then, and what is still so.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.core.mail import EmailMessage
from django.db.models import Case, CharField, Count, F, Q, QuerySet, Value, When
from django.template.loader import render_to_string
from django.urls import reverse

from tom_share_worker import conf
from tom_share_worker.delivery import visibility
from tom_share_worker.delivery.asking import masking
from tom_share_worker.ingest import visibility as receiving
from tom_share_worker.models import (
    Delivery,
    Destination,
    Failure,
    IngestFailure,
    IngestJob,
    Mail,
    Share,
)
from tom_share_worker.operating import destinations
from tom_share_worker.operating.mail import rules
from tom_share_worker.operating.times import count

LISTED = 20
"""Shares, and uploads, that are listed one by one; the page has all of them."""

_FAILED = Q(status=Delivery.Status.FAILED) | Q(
    status=Delivery.Status.DELIVERED, refused_count__gt=0
)


def compose(mail: Mail) -> EmailMessage | None:
    """Return an e-mail as it is to be sent now, or None where nothing is to be told."""
    address = _address(mail)
    known = None
    if address:
        pause = mail.kind == Mail.Kind.PAUSE
        known = _of_pause(mail) if pause else _of_failures(mail)
    if known is None:
        return None
    page = "pause" if mail.kind == Mail.Kind.PAUSE else "failures"
    context = {**known, "reader": mail.user, "tom": conf.tom_name()}
    body = render_to_string(f"tom_share_worker/mail/{page}.txt", context)
    subject = " ".join(f"[{conf.tom_name()}] {known['subject']}".split())
    return EmailMessage(
        subject,
        body,
        to=[address],
        # Whoever is away sends no answer to it; what came twice can be told.
        headers={
            "Auto-Submitted": "auto-generated",
            "Message-ID": f"<share-mail.{mail.pk}.{mail.created:%Y%m%d%H%M%S%f}@"
            f"{_host()}>",
        },
    )


def _address(mail: Mail) -> str:
    if mail.user is None:
        return mail.address
    return mail.user.email if mail.user.is_active else ""


def _host() -> str:
    public = urlsplit(conf.settings().PUBLIC_URL or "").hostname
    return public or "tom.invalid"


def _link(path: str) -> str:
    """Return the address of a page as people reach it; a path where none is known."""
    public = (conf.settings().PUBLIC_URL or "").rstrip("/")
    below = urlsplit(public).path
    if below and path.startswith(f"{below}/"):
        path = path.removeprefix(below)  # of a TOM that is served below it
    return f"{public}{path}"


@dataclass(frozen=True)
class Cause:
    """Why shares with one destination failed, and what to do."""

    destination: str
    title: str
    cure: str
    count: str


@dataclass(frozen=True)
class Line:
    """One share or upload."""

    what: str
    why: str
    link: str


def _of_failures(mail: Mail) -> dict[str, Any] | None:
    shares = _told(mail, visibility.visible_shares(mail.user), Share)
    jobs = _told(mail, receiving.visible_jobs(mail.user), IngestJob)
    numbers = shares.count(), jobs.count()
    if not any(numbers):
        return None
    counted = " and ".join(
        count(number, noun)
        for number, noun in zip(numbers, ("share", "upload"), strict=True)
        if number
    )
    return {
        "subject": f"{counted} failed, wholly or in part",
        "counted": counted,
        "continuous": mail.kind == Mail.Kind.CONTINUOUS,
        "causes": _causes(mail.user, shares),
        "shares": _share_lines(mail.user, shares),
        "more_shares": max(0, numbers[0] - LISTED),
        "cures": _job_cures(jobs),
        "jobs": [_job_line(job) for job in jobs.defer("traceback")[:LISTED]],
        "more_jobs": max(0, numbers[1] - LISTED),
        "all": _link(reverse("tom_share_worker:unseen")),
    }


def _told(mail: Mail, visible: QuerySet[Any], rows: Any) -> QuerySet[Any]:
    """Narrow what its reader may view to what it is about, and what is still so."""
    about = rules.failed(mail.kind, rows).filter(
        user_id=mail.user_id, told=mail.created
    )
    return visible.filter(pk__in=about.values("pk")).order_by("-pk")


def _causes(user: Any, shares: QuerySet[Share]) -> list[Cause]:
    """Sum up why, the most frequent first; in one query however many shares."""
    found = _failed_deliveries(user, shares.order_by().values("pk"))
    rows = found.values_list("destination", "cause").annotate(
        n=Count("share", distinct=True)
    )
    return [
        Cause(conf.display_name(key), *_told_of(cause), count(n, "share"))
        for key, cause, n in rows.order_by("-n", "destination", "cause")
    ]


def _failed_deliveries(user: Any, shares: Any) -> QuerySet[Any]:
    """Return what did not arrive of these shares, each with its cause."""
    refused = When(status=Delivery.Status.DELIVERED, then=Value(Failure.REFUSED_DATA))
    cause = Case(refused, default=F("failure"), output_field=CharField())
    found = visibility.visible_deliveries(user).filter(_FAILED, share__in=shares)
    return found.order_by().annotate(cause=cause)


def _told_of(cause: str) -> tuple[str, str]:
    """Return a cause in words, and its cure."""
    known = Failure(cause) if cause in Failure.values else Failure.OUR_FAULT
    return str(known.value), known.cure


def _share_lines(user: Any, shares: QuerySet[Share]) -> list[Line]:
    told = masking.with_subjects(user, shares.defer("selection", "plan_cursor"))
    listed = list(told[:LISTED])
    why: dict[int, list[str]] = defaultdict(list)
    found = _failed_deliveries(user, [share.pk for share in listed])
    for pk, cause in found.values_list("share_id", "cause").distinct():
        why[pk].append(_told_of(cause)[0])
    return [
        Line(
            f"{masking.subject(share)} to {share.destination_name}",
            _joined(share.status, *(sorted(why[share.pk]) or [share.note])),
            _link(share.get_absolute_url()),
        )
        for share in listed
    ]


def _joined(*words: str) -> str:
    return ", ".join(" ".join(word.split()) for word in words if word)


def _job_cures(jobs: QuerySet[IngestJob]) -> list[tuple[str, str]]:
    kinds = jobs.order_by().values_list("failure", flat=True).distinct()
    known = [IngestFailure(kind) for kind in kinds if kind in IngestFailure.values]
    return [(kind.value, kind.cure) for kind in known]


def _job_line(job: IngestJob) -> Line:
    why = ": ".join(filter(None, (job.failure, " ".join(job.note.split()))))
    return Line(
        f"{job.file_name} for {job.target_name}", why, _link(job.get_absolute_url())
    )


def _of_pause(mail: Mail) -> dict[str, Any] | None:
    paused = Destination.objects.select_related("paused_by").filter(
        key=mail.destination, paused=True, told=mail.created
    )
    destination = paused.first()
    if destination is None:
        return None
    if mail.user is not None and not destinations.may_steer(mail.user):
        return None
    waiting = Delivery.objects.filter(
        destination=destination.key, status=Delivery.Status.QUEUED
    ).count()
    return {
        "subject": f"Deliveries to {destination} are paused",
        "destination": destination,
        "by": destination.paused_by,
        "waiting": count(waiting, "delivery", "deliveries"),
        "wait": "waits" if waiting == 1 else "wait",
        "cure": Failure.CREDENTIALS_REFUSED.cure,
        "page": _link(reverse("tom_share_worker:destination-list")),
    }
