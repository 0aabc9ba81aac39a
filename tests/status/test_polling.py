"""What is asked for every two seconds ends well: by log-out, by loss of the row."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.status.conftest import browser, permitted
from tests.status.incoming import jobs
from tests.support import rows
from tom_share_worker.models import ConnectionTest

HTMX: Any = {
    "HTTP_HX_REQUEST": "true",
    "HTTP_HX_CURRENT_URL": "https://tom.example/targets/3/?tab=photometry",
}
FRAGMENTS = ("share-progress", "ingest-job-progress", "ingest-job-badge")


def fragments(owner: User) -> list[str]:
    share = rows.share(owner, planned=True, status="running")
    job = jobs.job(owner)
    pks = dict(zip(FRAGMENTS, (share.pk, job.pk, job.pk), strict=True))
    return [reverse(f"tom_share_worker:{name}", args=[pk]) for name, pk in pks.items()]


def test_who_was_logged_out_reads_so_and_no_more_is_asked_for(owner: User) -> None:
    test = ConnectionTest.objects.create(destination="partner")
    progress = reverse("tom_share_worker:connection-test-progress", args=[test.pk])

    for address in [*fragments(owner), progress]:
        answer = Client().get(address, **HTMX)
        said = answer.content.decode()
        assert answer.status_code == 286
        assert "You are logged out" in said
        assert "<html" not in said
        assert "no-store" in answer["Cache-Control"]
        # Back to the page that was open, and to no other site.
        assert 'href="/accounts/login/?next=/targets/3/%3Ftab%3Dphotometry"' in said


def test_a_person_who_opens_a_fragment_is_led_to_the_login_page(owner: User) -> None:
    for address in fragments(owner):
        answer = Client().get(address)
        assert answer["Location"] == f"/accounts/login/?next={address}"


def test_what_is_gone_says_so_and_is_not_asked_for_again(owner: User) -> None:
    stranger = browser(rows.person("stranger"))

    for address in fragments(owner):
        assert stranger.get(address).status_code == 404
        answer = stranger.get(address, **HTMX)
        assert answer.status_code == 286
        assert "no longer there, or you may not see it" in answer.content.decode()


@pytest.mark.django_db
def test_who_may_not_see_destinations_does_not_see_their_tests() -> None:
    test = ConnectionTest.objects.create(destination="partner", ended=timezone.now())
    address = reverse("tom_share_worker:connection-test-progress", args=[test.pk])

    outsider = browser(rows.person("outsider"))
    keeper = browser(permitted("keeper", "change_destination"))

    assert outsider.get(address)["Location"].startswith("/accounts/login/")
    gone = outsider.get(address, **HTMX)
    assert (gone.status_code, "you may not see it" in gone.content.decode()) == (
        286,
        True,
    )
    assert "Tested" in keeper.get(address, **HTMX).content.decode()
