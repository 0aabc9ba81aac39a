"""What an e-mail says: causes, cures, links; nothing that its reader may not see."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.checks import run_checks
from guardian.shortcuts import remove_perm

from tests.operating.mail.conftest import PUBLIC, age, failed, post, with_address
from tests.status.incoming.jobs import FAILED, job
from tests.support import rows
from tests.support.mail_server import MailServer
from tom_share_worker.delivery import gate
from tom_share_worker.models import Failure, IngestFailure, IngestJob, Share
from tom_share_worker.operating.mail import collecting

pytestmark = pytest.mark.django_db


def the_text(server: MailServer) -> str:
    (letter,) = server.letters
    return letter.text


def test_shares_are_told_with_causes_cures_and_links(
    ana: User, server: MailServer
) -> None:
    for n in range(3):
        share = failed(ana, f"Target {n}")
    failed(ana, "Odd one", failure="no matching target")

    post()

    text = the_text(server)
    assert text.startswith("Hello ana,\n\n4 shares of yours failed, wholly or in part.")
    assert f"Partner TOM: destination down (3 shares)\n{_cure('destination down')}" in (
        text
    )
    assert "Partner TOM: no matching target (1 share)" in text
    assert text.index("destination down (3") < text.index("no matching target (1")
    line = "- Target 2 to Partner TOM: failed, destination down\n  "
    assert f"{line}{PUBLIC}{share.get_absolute_url()}\n" in text
    assert f"{PUBLIC}/shares/unseen/" in text


def _cure(failure: str) -> str:
    return Failure(failure).cure


def test_refused_data_within_what_arrived_is_a_cause(
    ana: User, server: MailServer
) -> None:
    share = failed(ana, status="partly delivered")
    share.deliveries.update(status="delivered", failure="", refused_count=2)

    post()

    assert "Partner TOM: refused data (1 share)" in the_text(server)
    assert "partly delivered, refused data" in the_text(server)


def test_a_share_that_came_to_nothing_says_why(ana: User, server: MailServer) -> None:
    share = failed(ana)
    share.deliveries.all().delete()
    Share.objects.update(note="There was nothing to share.")

    post()

    assert "failed, There was nothing to share." in the_text(server)


def test_twenty_shares_are_listed_and_the_others_counted(
    ana: User, server: MailServer
) -> None:
    for n in range(23):
        failed(ana, f"Target {n:02}")

    post()

    text = the_text(server)
    assert text.count("- Target ") == 20
    assert "and 3 more." in text
    assert "(23 shares)" in text


def test_uploads_are_told_with_what_was_wrong(ana: User, server: MailServer) -> None:
    failed_job = job(ana, rows.target(ana, "M31"), file_name="broken.csv", **FAILED)
    age(IngestJob.objects)

    post()

    text = the_text(server)
    assert f"Uploads, unreadable file:\n{IngestFailure.UNREADABLE.cure}" in text
    assert "- broken.csv for M31: unreadable file: Line 3 has no magnitude" in text
    assert f"{PUBLIC}{failed_job.get_absolute_url()}" in text
    assert "Traceback" not in text


def test_nothing_is_told_of_targets_that_one_may_no_longer_view(
    ana: User, server: MailServer
) -> None:
    secret = rows.target(ana, "Secret")
    failed(ana, "All data of Secret", target=secret)
    job(ana, secret, file_name="secret.csv", **FAILED)
    several = failed(ana, "Secret and 3 others", kind=Share.Kind.TARGETS)
    rows.delivery(several, status="failed", failure="refused data", target_id=secret.pk)
    age(IngestJob.objects)
    remove_perm("tom_targets.view_target", ana, secret)

    post()

    text = the_text(server)
    assert "1 share of yours failed" in text
    assert "ecret" not in text
    assert "refused data" not in text


def test_where_nothing_is_left_that_one_may_see_no_email_goes(
    ana: User, server: MailServer
) -> None:
    failed(ana, target=rows.target(rows.person("ben"), "Secret"))

    assert post()[0].startswith("Not needed any more.")
    assert server.letters == []


def test_what_is_in_other_peoples_alphabets_and_signs_arrives_as_it_is(
    ana: User, server: MailServer
) -> None:
    ana.first_name = "Željko"
    ana.save()
    failed(ana, "Ångström & <b>β</b> “field”")

    post()

    assert "Ångström & <b>β</b> “field” to Partner TOM" in the_text(server)
    assert "Hello Željko," in the_text(server)


def test_without_a_public_address_paths_are_told_and_the_checks_warn(
    ana: User, server: MailServer, settings: Any
) -> None:
    settings.TOM_SHARE_WORKER = {"EMAIL_ON_FAILURE": True}
    share = failed(ana)

    post()

    assert f"\n  {share.get_absolute_url()}\n" in the_text(server)
    (warning,) = (w for w in run_checks() if w.id == "tom_share_worker.W006")
    assert "PUBLIC_URL" in str(warning.hint)


def test_a_tom_below_a_path_is_linked_once(
    ana: User, server: MailServer, settings: Any
) -> None:
    settings.TOM_SHARE_WORKER |= {"PUBLIC_URL": "https://example.org/tom/"}
    share = failed(ana)

    post()

    assert f"https://example.org/tom{share.get_absolute_url()}" in the_text(server)


def test_a_pause_is_told_with_its_reason_and_what_waits(server: MailServer) -> None:
    with_address("chief", is_superuser=True)
    share = rows.share(rows.person("ana"))
    for _ in range(3):
        rows.delivery(share)
    gate.pause("partner", "The other side refused our account (401).")

    post()

    text = the_text(server)
    assert "Hello chief,\n\ndeliveries to Partner TOM are paused.\n" in text
    assert "refused our account (401)" in text
    assert "3 deliveries wait until Partner TOM is resumed." in text
    assert Failure.CREDENTIALS_REFUSED.cure in text
    assert f"{PUBLIC}/shares/destinations/" in text
    assert "not-a-token" not in text


def test_a_pause_that_is_over_by_then_is_not_told(server: MailServer) -> None:
    with_address("chief", is_superuser=True)
    gate.pause("partner", "Refused.")
    collecting.tend()
    gate.resume("partner")

    assert post()[0].startswith("Not needed any more.")
    assert server.letters == []


def test_an_operator_who_is_none_any_more_is_not_told(server: MailServer) -> None:
    with_address("chief", is_superuser=True)
    gate.pause("partner", "Refused.")
    collecting.tend()
    User.objects.update(is_superuser=False)

    assert post()[0].startswith("Not needed any more.")
    assert server.letters == []
