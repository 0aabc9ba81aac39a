"""A worker tells people by e-mail what failed, and delivers whatever becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from tests.support import rows
from tests.support.mail_server import MailServer
from tests.support.remote_tom import RemoteTom
from tests.support.toms import WAIT, Tom
from tests.support.waiting import wait_until
from tom_share_worker.delivery.asking import outbox
from tom_share_worker.models import Mail, Routine, Share

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server(tom: Tom, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    """A mail server that the workers of the TOM know."""
    tom.hurry(EMAIL_ON_FAILURE=True, PUBLIC_URL="https://tom.example.org/")
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.support.mailing_settings")
    with MailServer() as running:
        monkeypatch.setenv("MAIL_PORT", str(running.port))
        yield running


@pytest.fixture
def ana(transactional_db: None) -> User:
    """A person with an address."""
    person = rows.person("ana")
    person.email = "ana@example.org"
    person.save()
    return person


def let_two_minutes_pass() -> None:
    Routine.objects.filter(name=Routine.MAILING).update(
        begun=timezone.now() - timedelta(hours=1)
    )
    Share.objects.exclude(ended=None).update(
        ended=timezone.now() - timedelta(minutes=2)
    )


def test_what_failed_is_told_once(
    tom: Tom, partner: RemoteTom, ana: User, server: MailServer
) -> None:
    target = rows.target(ana, "SN 2026abc")
    datums = rows.photometry(target, 1)
    tom.start_worker()
    tom.start_worker()
    share = outbox.share_selected(ana, "partner", {"photometry": datums})
    tom.await_status(share, "failed")  # there is no such target there

    let_two_minutes_pass()

    wait_until(lambda: bool(server.letters), WAIT, "an e-mail", tom.tell)
    wait_until(
        lambda: Mail.objects.get().status == "sent", WAIT, "its record", tom.tell
    )
    (letter,) = server.letters
    assert letter.to == ("ana@example.org",)
    assert "no matching target (1 share)" in letter.text
    assert f"https://tom.example.org{share.get_absolute_url()}" in letter.text
    told = f"E-mail {Mail.objects.get().pk} (failures) is sent."
    # The row first, then the log.
    wait_until(
        lambda: told in "".join(worker.log() for worker in tom.workers),
        WAIT,
        "its line in the log",
        tom.tell,
    )
    assert "ana@example.org" not in "".join(worker.log() for worker in tom.workers)


def test_a_mail_server_that_hangs_keeps_no_delivery_waiting(
    tom: Tom, partner: RemoteTom, ana: User, server: MailServer
) -> None:
    tom.hurry(CONCURRENCY=2)
    server.manner["GREETING"] = "hang"
    tom.start_worker()
    wait_until(Routine.objects.exists, WAIT, "the first sweep", tom.tell)
    for n in range(5):
        rows.share(ana, subject=f"{n}", status="failed", ended=timezone.now())
    let_two_minutes_pass()
    wait_until(lambda: server.connections > 0, WAIT, "the mail server's call", tom.tell)

    share = outbox.share_target(ana, "partner", rows.target(ana, "SN 2026abc"))

    tom.await_delivered(share)
    assert Mail.objects.get().status == "opening"
    assert server.connections == 1
