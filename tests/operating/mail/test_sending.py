"""What comes of an e-mail at a mail server that works, refuses, hangs or breaks off."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from tests.operating.mail.conftest import failed, let_pass, post, with_address
from tests.support.mail_server import MailServer
from tom_share_worker.models import Mail, Share
from tom_share_worker.operating.mail import collecting, sending
from tom_share_worker.operating.mail.text import compose

pytestmark = pytest.mark.django_db

SURELY_NOT_TAKEN = [
    {"GREETING": "421 too busy"},
    {"GREETING": "drop"},
    {"GREETING": "hang"},
    {"EHLO": "hang"},
    {"MAIL": "451 later"},
    {"RCPT": "450 greylisted, come again"},
    {"DATA": "452 no room"},
]
REFUSED = [
    {"MAIL": "553 who are you"},
    {"RCPT": "550 no such person"},
    {"DATA": "554 no"},
    {"END": "554 this is spam"},
]
MAYBE_TAKEN = [{"END": "drop"}, {"END": "hang"}, {"RCPT": "hang"}, {"DATA": "drop"}]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "SILENCE", 0.5)


def the_mail() -> Mail:
    return Mail.objects.get()


def test_what_was_sent_is_on_record(ana: User, server: MailServer) -> None:
    failed(ana)

    assert post() == ["Sent."]

    mail = the_mail()
    assert (mail.status, mail.attempt_count, mail.note) == ("sent", 1, "")
    assert mail.ended is not None
    letter = server.letters[0]
    assert letter.sender == "tom@example.org"
    assert letter.message["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize("manner", SURELY_NOT_TAKEN, ids=str)
def test_what_the_server_surely_did_not_take_is_sent_later(
    ana: User, server: MailServer, manner: dict[str, str]
) -> None:
    failed(ana)
    server.manner.update(manner)
    post()
    assert server.letters == []
    assert the_mail().status == "queued"
    assert "It is tried again." in the_mail().note

    server.manner.clear()
    assert post() == [], "not before its time"
    let_pass(timedelta(minutes=1))
    post()

    assert len(server.letters) == 1
    assert the_mail().status == "sent"


def test_a_server_that_is_down_for_an_hour_delays_and_loses_nothing(
    ana: User, server: MailServer
) -> None:
    failed(ana)
    server.stop()
    for minutes in (1, 5, 15):
        assert post() == [
            "Queued. The mail server could not be reached. It is tried again."
        ]
        let_pass(timedelta(minutes=minutes))
    post()
    server.start()
    let_pass(timedelta(hours=1))

    post()

    assert len(server.letters) == 1
    assert the_mail().attempt_count == 5


def test_after_five_attempts_it_is_given_up_and_logged(
    ana: User, server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    failed(ana)
    server.stop()
    for _ in range(5):
        post()
        let_pass(timedelta(hours=1))

    assert post() == []
    assert (the_mail().status, the_mail().attempt_count) == ("failed", 5)
    assert "is given up: The mail server could not be reached." in caplog.text


@pytest.mark.parametrize("manner", REFUSED, ids=str)
def test_what_the_server_refuses_is_given_up_at_once(
    ana: User, server: MailServer, manner: dict[str, str]
) -> None:
    failed(ana)
    server.manner.update(manner)
    post()
    let_pass(timedelta(hours=2))

    assert post() == []
    assert the_mail().status == "failed"
    assert the_mail().note == "The mail server refused it."


@pytest.mark.parametrize("manner", MAYBE_TAKEN, ids=str)
def test_what_the_server_may_have_taken_is_not_sent_twice(
    ana: User, server: MailServer, manner: dict[str, str]
) -> None:
    failed(ana)
    server.manner.update(manner)
    post()
    server.manner.clear()
    let_pass(timedelta(hours=2))

    assert post() == []
    assert len(server.letters) <= 1
    assert the_mail().status == "failed"
    assert "may have arrived" in the_mail().note


def test_however_patient_the_toms_settings_are_a_server_is_left_after_a_while(
    ana: User, server: MailServer, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(sending, "PATIENCE", 1.0)
    settings.EMAIL_TIMEOUT = 3600
    server.manner["GREETING"] = "hang"
    failed(ana)

    begun = time.monotonic()
    post()

    assert time.monotonic() - begun < 5
    assert the_mail().status == "queued"


def test_the_sweep_does_not_wait_for_a_server_that_hangs(
    ana: User, server: MailServer
) -> None:
    server.manner["GREETING"] = "hang"
    failed(ana)

    begun = time.monotonic()
    collecting.tend()

    assert time.monotonic() - begun < 0.4
    assert the_mail().status == "queued"
    assert server.connections == 0


def test_a_hanging_server_holds_one_worker_at_a_time(
    ana: User, server: MailServer
) -> None:
    failed(ana)
    failed(with_address("ben"))
    collecting.tend()
    first, second = Mail.objects.order_by("pk")
    Mail.objects.filter(pk=first.pk).update(status="opening", claimed=timezone.now())

    assert sending.hint_next(timezone.now()) is None
    Mail.objects.filter(pk=first.pk).update(status="sent")
    assert sending.hint_next(timezone.now()) == second.pk


def test_two_hints_for_one_email_send_it_once(ana: User, server: MailServer) -> None:
    failed(ana)
    collecting.tend()

    said = [sending.run(the_mail().pk) for _ in range(2)]

    assert said[0] == "Sent."
    assert said[1].startswith("Nothing to do")
    assert len(server.letters) == 1


def test_a_worker_lost_before_it_reached_the_server_costs_minutes_only(
    ana: User, server: MailServer
) -> None:
    failed(ana)
    collecting.tend()
    long_ago = timezone.now() - timedelta(minutes=6)
    Mail.objects.update(status="opening", claimed=long_ago, attempt_count=1)

    post()

    assert len(server.letters) == 1


def test_a_worker_lost_while_it_handed_over_is_not_followed_by_another(
    ana: User, server: MailServer
) -> None:
    failed(ana)
    collecting.tend()
    Mail.objects.update(status="sending", claimed=timezone.now() - timedelta(minutes=6))

    assert post() == []
    assert server.letters == []
    assert the_mail().status == "failed"
    assert "may have arrived" in the_mail().note


def test_a_worker_that_was_too_slow_leaves_it_to_the_next_one(
    ana: User, server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    failed(ana)
    collecting.tend()
    slow, message = the_mail(), compose(the_mail())
    slow.claimed = timezone.now() - timedelta(minutes=6)

    outcome = sending._hand_over(slow, message)
    sending._record(slow, outcome)

    assert (server.letters, the_mail().status) == ([], "queued")
    assert "given up" not in caplog.text
    assert "may have arrived" not in caplog.text
    post()
    assert len(server.letters) == 1


def test_an_email_that_loses_its_workers_is_given_up(ana: User) -> None:
    failed(ana)
    collecting.tend()
    long_ago = timezone.now() - timedelta(minutes=6)
    Mail.objects.update(status="opening", claimed=long_ago, attempt_count=5)

    collecting.tend()

    assert the_mail().status == "failed"


def test_what_is_mended_by_then_is_not_sent(ana: User, server: MailServer) -> None:
    failed(ana)
    collecting.tend()
    Share.objects.update(status="running", ended=None)

    assert post() == ["Not needed any more. By then nothing of it was left to tell."]
    assert server.letters == []


def test_no_password_and_no_address_gets_into_log_or_row(
    ana: User, server: MailServer, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "tom_share_worker")
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "tom", "s3cret-password"
    server.manner["RCPT"] = "550 <ana@example.org> s3cret-password unknown"
    failed(ana)
    post()
    settings.EMAIL_HOST_USER = ""
    let_pass(timedelta(minutes=1))
    post()

    ours = "\n".join(
        record.getMessage()
        for record in caplog.records
        if record.name.startswith("tom_share_worker")
    )
    for text in (ours, the_mail().note):
        assert "s3cret" not in text
        assert "ana@example.org" not in text
    assert "SMTPRecipientsRefused" in ours
    assert "SMTPNotSupportedError" in ours


def test_a_header_cannot_be_smuggled_in(
    ana: User, server: MailServer, settings: Any
) -> None:
    settings.TOM_NAME = "TOM\r\nBcc: everybody@example.org"
    failed(ana)

    post()

    (letter,) = server.letters
    assert letter.message["Bcc"] is None
    assert letter.to == ("ana@example.org",)


def test_old_rows_are_forgotten(ana: User, server: MailServer) -> None:
    failed(ana)
    post()
    let_pass(timedelta(days=31))

    post()

    assert not Mail.objects.exists()
