"""Who is told of what by e-mail, when, and how often."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.operating.mail.conftest import age, failed, let_pass, post, with_address
from tests.status.incoming.jobs import FAILED, job
from tests.support import rows
from tests.support.mail_server import MailServer
from tom_share_worker.delivery import actions, closing, gate
from tom_share_worker.models import Destination, IngestJob, Mail, Routine, Share
from tom_share_worker.operating.mail import collecting

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def test_fifty_shares_that_failed_at_once_make_one_email(
    ana: User, server: MailServer
) -> None:
    for n in range(50):
        failed(ana, f"Target {n}")

    post()
    post()

    (letter,) = server.letters
    assert letter.to == ("ana@example.org",)
    assert "50 shares failed" in letter.subject
    assert not Share.objects.filter(told=None).exists()


def test_nothing_is_sent_while_more_is_failing(ana: User, server: MailServer) -> None:
    failed(ana, ago=3 * MINUTE)
    failed(ana, ago=timedelta(seconds=20))

    assert post() == []
    let_pass(MINUTE)
    post()

    assert "2 shares failed" in server.letters[0].subject


def test_who_waits_for_ten_minutes_is_told_though_more_is_failing(
    ana: User, server: MailServer
) -> None:
    failed(ana, ago=11 * MINUTE)
    failed(ana, ago=timedelta(seconds=20))

    post()

    assert len(server.letters) == 1
    assert "2 shares failed" in server.letters[0].subject


def test_each_person_is_told_of_their_own(ana: User, server: MailServer) -> None:
    failed(ana, "Of Ana")
    failed(with_address("ben"), "Of Ben")

    post()

    (to_ben,) = server.to("ben@example.org")
    assert "Of Ben" in to_ben.text
    assert "Of Ana" not in to_ben.text
    assert len(server.letters) == 2


def test_uploads_are_told_with_shares(ana: User, server: MailServer) -> None:
    failed(ana)
    job(ana, file_name="broken.csv", **FAILED)
    age(IngestJob.objects)

    post()

    (letter,) = server.letters
    assert "1 share and 1 upload failed" in letter.subject


def test_what_is_well_or_seen_or_of_nobody_is_not_told(
    ana: User, server: MailServer
) -> None:
    failed(ana, status="delivered")
    failed(ana, status="cancelled")
    failed(ana, status="running")
    failed(ana, seen=timezone.now())
    failed(None)
    failed(rows.person("without-an-address"))
    failed(with_address("gone", is_active=False))
    job(ana, origin=IngestJob.Origin.TOM, **FAILED)
    job(ana, status="done")
    age(IngestJob.objects)

    assert post() == []
    assert server.letters == []


def test_what_arrived_in_part_is_told(ana: User, server: MailServer) -> None:
    failed(ana, status="partly delivered")

    post()

    assert len(server.letters) == 1


def test_a_share_that_fails_again_after_a_retry_is_told_again(
    ana: User, server: MailServer
) -> None:
    share = failed(ana)
    post()
    actions.retry_share(Share.objects.get(pk=share.pk))
    assert post() == []

    share.deliveries.update(status="failed", failure="destination down")
    closing.settle(share.pk)
    let_pass(2 * MINUTE)
    post()

    assert len(server.letters) == 2


# --- persistent shares ----------------------------------------------------------


def by_itself(owner: User, ago: timedelta = 2 * MINUTE) -> Share:
    return failed(owner, "Updates", ago, origin=Share.Origin.PERSISTENT_SHARE)


def test_persistent_shares_are_told_once_an_hour(ana: User, server: MailServer) -> None:
    by_itself(ana)
    post()
    for _ in range(3):
        by_itself(ana)
        let_pass(10 * MINUTE)
        assert post() == []
    assert len(server.letters) == 1

    let_pass(31 * MINUTE)
    post()

    assert len(server.letters) == 2
    assert "3 shares failed" in server.letters[1].subject


def test_persistent_shares_do_not_hold_back_what_a_person_pressed(
    ana: User, server: MailServer
) -> None:
    by_itself(ana)
    post()
    failed(ana, "Pressed")

    post()

    assert "Pressed" in server.letters[1].text
    assert "Updates" not in server.letters[1].text


# --- switched on and off --------------------------------------------------------


def test_what_failed_before_it_was_switched_on_is_not_told(
    ana: User, server: MailServer
) -> None:
    Routine.objects.all().delete()
    failed(ana, "Before", ago=3 * MINUTE)
    gate.pause("partner", "Refused.")
    with_address("chief", is_superuser=True)
    assert post() == []

    failed(ana, "After", ago=timedelta())
    let_pass(2 * MINUTE)
    post()

    (letter,) = server.letters
    assert "After" in letter.text
    assert "Before" not in letter.text


def test_switched_off_nothing_is_written(
    ana: User, server: MailServer, settings: Any
) -> None:
    settings.TOM_SHARE_WORKER = {}
    failed(ana)
    gate.pause("partner", "Refused.")

    assert post() == []
    assert not Mail.objects.exists()
    assert Share.objects.get().told is None
    assert not Routine.objects.exists(), "what fails while it is off is not told later"


def test_switched_off_it_costs_a_sweep_one_query(settings: Any) -> None:
    settings.TOM_SHARE_WORKER = {}
    Routine.objects.all().delete()

    with CaptureQueriesContext(connection) as asked:
        collecting.tend()

    assert len(asked) == 1


def test_a_sweep_takes_as_many_queries_for_many_failures_as_for_one(ana: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            collecting.tend()
        return len(asked)

    failed(ana)
    once = queries()
    for n in range(20):
        failed(ana, f"Target {n}")

    assert queries() == once


# --- pauses ---------------------------------------------------------------------


def operator(name: str, **columns: Any) -> User:
    person = with_address(name, is_staff=True, **columns)
    app = {"content_type__app_label": "tom_share_worker"}
    may = Permission.objects.get(codename="change_destination", **app)
    person.user_permissions.add(may)
    return person


def test_operators_are_told_of_a_pause_once(ana: User, server: MailServer) -> None:
    operator("op")
    with_address("chief", is_superuser=True)
    with_address("staff-without-permission", is_staff=True)
    operator("gone", is_active=False)
    with_address("no-staff").user_permissions.set(
        Permission.objects.filter(codename="change_destination")
    )
    gate.pause("partner", "It refused our account.")

    post()
    post()

    to = sorted(address for letter in server.letters for address in letter.to)
    assert to == ["chief@example.org", "op@example.org"]
    assert "Deliveries to Partner TOM are paused" in server.letters[0].subject


def test_each_pause_is_told(server: MailServer) -> None:
    operator("op")
    gate.pause("partner", "It refused our account.")
    post()
    gate.resume("partner")
    assert post() == []

    gate.pause("partner", "It refused our account.")
    post()

    assert len(server.letters) == 2


def test_who_paused_it_need_not_be_told(server: MailServer) -> None:
    op, other = operator("op"), operator("other")
    actions.pause("partner", op, "Their disk is full.")

    post()

    (letter,) = server.letters
    assert letter.to == (other.email,)
    assert "by op" in letter.text
    assert "Their disk is full." in letter.text


def test_the_settings_may_name_who_is_told(server: MailServer, settings: Any) -> None:
    settings.TOM_SHARE_WORKER |= {"EMAIL_OPERATORS": ["night@example.org"]}
    operator("op")
    gate.pause("partner", "It refused our account.")

    post()

    (letter,) = server.letters
    assert letter.to == ("night@example.org",)


def test_a_destination_that_backs_off_is_not_told(server: MailServer) -> None:
    operator("op")
    Destination.objects.create(
        key="partner", failures=3, retry_at=timezone.now() + MINUTE
    )

    assert post() == []
