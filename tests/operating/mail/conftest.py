"""A TOM that tells people by e-mail, the mail server it does it by, and the post."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import F
from django.utils import timezone

from tests.support import rows
from tests.support.mail_server import MailServer
from tom_share_worker.models import Delivery, IngestJob, Mail, Routine, Share
from tom_share_worker.operating.mail import collecting, sending

PUBLIC = "https://tom.example.org"
AN_HOUR = timedelta(hours=1)
A_WHILE = timedelta(minutes=2)


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    """A mail server that takes all, and the TOM's settings by which it is found."""
    with MailServer() as running:
        for name, value in running.settings().items():
            setattr(settings, name, value)
        yield running


@pytest.fixture(autouse=True)
def _switched_on(settings: Any, db: None) -> None:
    """E-mail is switched on for an hour."""
    settings.DATA_SHARING = {
        "partner": {
            "DISPLAY_NAME": "Partner TOM",
            "BASE_URL": "http://partner.invalid/",
            "API_TOKEN": "not-a-token",
        }
    }
    settings.DEFAULT_FROM_EMAIL = "tom@example.org"
    settings.TOM_SHARE_WORKER = {"EMAIL_ON_FAILURE": True, "PUBLIC_URL": f"{PUBLIC}/"}
    begun = timezone.now() - AN_HOUR
    Routine.objects.create(name=Routine.MAILING, begun=begun)


@pytest.fixture
def ana(db: None) -> User:
    """A person with an address."""
    return with_address("ana")


def with_address(name: str, **columns: Any) -> User:
    """Return a person with an address."""
    person = rows.person(name)
    for column, value in {"email": f"{name}@example.org", **columns}.items():
        setattr(person, column, value)
    person.save()
    return person


def failed(
    owner: User | None,
    subject: str = "All data of SN 2026abc",
    ago: timedelta = A_WHILE,
    failure: str = "destination down",
    **columns: Any,
) -> Share:
    """Return a share that failed some time ago, for one cause."""
    given = {"status": "failed", "planned": True}
    share = rows.share(owner, subject=subject, **given | columns)
    rows.delivery(share, status="failed", failure=failure)
    Share.objects.filter(pk=share.pk).update(ended=timezone.now() - ago)
    return share


def age(rows_: Any, ago: timedelta = A_WHILE) -> None:
    """Let rows have ended some time ago."""
    rows_.update(ended=timezone.now() - ago)


def post() -> list[str]:
    """Sweep, and be the worker that sends what is due; return what came of each."""
    collecting.tend()
    due = Mail.objects.filter(
        status=Mail.Status.QUEUED, next_attempt_at__lte=timezone.now()
    )
    return [sending.run(pk) for pk in due.order_by("pk").values_list("pk", flat=True)]


def let_pass(length: timedelta) -> None:
    """Let so much time pass for all rows that wait."""
    models: tuple[Any, ...] = (Share, IngestJob, Delivery)
    for model in models:
        for row in model.objects.exclude(ended=None):
            row.ended -= length
            row.save(update_fields=["ended"])
    Routine.objects.update(begun=F("begun") - length)
    for mail in Mail.objects.all():
        told = mail.created - length
        for model in (Share, IngestJob):
            model.objects.filter(told=mail.created).update(told=told)
        Mail.objects.filter(pk=mail.pk).update(
            created=told,
            next_attempt_at=mail.next_attempt_at - length,
            claimed=mail.claimed and mail.claimed - length,
            ended=mail.ended and mail.ended - length,
        )
