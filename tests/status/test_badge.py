"""The badge in the navigation bar: what it counts, for whom, and when it is seen."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.status.conftest import browser, permitted
from tests.status.incoming.jobs import FAILED, job
from tests.support import rows
from tom_share_worker.delivery import actions, closing
from tom_share_worker.ingest import actions as receiving
from tom_share_worker.models import IngestJob, Share

pytestmark = pytest.mark.django_db

UNSEEN = "tom_share_worker:unseen"


def ended(owner: User | None, status: str = "failed", **columns: Any) -> Share:
    """Return a share that ended so, just now."""
    made = rows.share(owner, subject="Night", planned=True, status=status, **columns)
    Share.objects.filter(pk=made.pk).update(ended=timezone.now())
    made.refresh_from_db()
    return made


def badge(person: User | None) -> str:
    """Return what the badge says on the host's own list of targets, or nothing."""
    page = browser(person).get(reverse("targets:list")).content.decode()
    if "rounded-pill" not in page:
        return ""
    _, _, after = page.partition('visually-hidden">')
    return after.partition("</span>")[0]


def bare_queries(person: User | None) -> int:
    """Count the queries on our tables by a page that has nothing else of ours."""
    client = browser(person)
    client.get(reverse("targets:list"))
    with CaptureQueriesContext(
        connection,
    ) as asked:
        client.get(reverse("targets:list"))
    return sum("tom_share_worker" in query["sql"] for query in asked)


def test_it_counts_what_failed_of_ones_own(owner: User) -> None:
    ended(owner)
    ended(owner, "partly delivered")
    job(owner, **FAILED)

    assert badge(owner) == "2 shares and 1 upload of yours failed, not seen yet"


def test_it_counts_nothing_else(owner: User) -> None:
    for status in ("delivered", "cancelled", "running", "queued"):
        ended(owner, status)
    ended(rows.person("somebody-else"))
    ended(None)
    job(owner, status="done", ended=timezone.now())
    old = ended(owner)
    Share.objects.filter(pk=old.pk).update(ended=timezone.now() - timedelta(days=31))

    assert badge(owner) == ""


def test_an_operator_is_bothered_with_what_is_their_own_only(owner: User) -> None:
    ended(owner)

    assert badge(permitted("operator", "view_share", "change_share")) == ""


def test_what_is_of_a_target_one_may_no_longer_view_does_not_count(
    owner: User,
) -> None:
    hidden = rows.target(rows.person("somebody-else"), "Hidden")
    ended(owner, target=hidden)
    job(owner, hidden, **FAILED)

    assert badge(owner) == ""
    page = browser(owner).get(reverse(UNSEEN)).content.decode()
    assert "Nothing of yours failed that you have not seen." in page


def test_a_superuser_sees_their_own_whatever_the_target(owner: User) -> None:
    hidden = rows.target(rows.person("somebody-else"), "Hidden")
    chief = permitted("chief", is_superuser=True)
    ended(chief, target=hidden)

    assert badge(chief) == "1 share of yours failed, not seen yet"


def test_more_than_99_are_not_counted(owner: User) -> None:
    Share.objects.bulk_create(
        Share(user=owner, status="failed", ended=timezone.now(), planned=True)
        for _ in range(150)
    )

    page = browser(owner).get(reverse("targets:list")).content.decode()

    assert '<span aria-hidden="true">99+</span>' in page
    assert "More than 99 shares and uploads of yours failed, not seen yet" in page


def test_anonymous_visitors_cost_no_query_and_others_one() -> None:
    person = rows.person("somebody")

    assert bare_queries(None) == 0
    assert bare_queries(person) == 1


def test_many_failures_take_no_more_queries_than_one(owner: User) -> None:
    ended(owner, target=rows.target(owner, "First"))
    once = bare_queries(owner)
    for n in range(5):
        ended(owner, target=rows.target(owner, f"Next {n}"))
        job(owner, **FAILED)

    assert bare_queries(owner) == once == 1


def test_a_page_without_the_request_does_without_the_badge() -> None:
    from django.template.loader import render_to_string

    page = "tom_share_worker/partials/navbar_item.html"

    assert "rounded-pill" not in render_to_string(page, {"user": rows.person("x")})


def test_opening_a_share_marks_it_as_seen_on_the_same_page(owner: User) -> None:
    share, other = ended(owner), ended(owner)

    page = browser(owner).get(share.get_absolute_url()).content.decode()

    assert "1 share of yours failed" in page
    assert Share.objects.get(pk=share.pk).seen is not None
    assert Share.objects.get(pk=other.pk).seen is None


def test_opening_an_upload_marks_it_as_seen(owner: User) -> None:
    failed = job(owner, **FAILED)

    browser(owner).get(failed.get_absolute_url())

    assert IngestJob.objects.get().seen is not None
    assert badge(owner) == ""


def test_somebody_elses_look_marks_nothing(owner: User) -> None:
    share, failed = ended(owner), job(owner, **FAILED)
    viewer = permitted("viewer", is_superuser=True)

    for row in (share, failed):
        assert browser(viewer).get(row.get_absolute_url()).status_code == 200

    assert badge(owner) == "1 share and 1 upload of yours failed, not seen yet"


def test_a_look_at_a_share_under_way_is_not_one_at_its_end(
    owner: User, share: Share
) -> None:
    rows.delivery(share)
    browser(owner).get(share.get_absolute_url())

    share.deliveries.update(status="failed", failure="destination down")
    closing.settle(share.pk)

    assert badge(owner) == "1 share of yours failed, not seen yet"


def test_a_retried_share_that_fails_again_is_news(owner: User, share: Share) -> None:
    rows.delivery(share, status="failed", failure="destination down")
    closing.settle(share.pk)
    browser(owner).get(share.get_absolute_url())
    Share.objects.update(told=timezone.now())

    actions.retry_share(Share.objects.get())
    assert badge(owner) == ""
    share.deliveries.update(status="failed", failure="destination down")
    closing.settle_all()

    assert badge(owner) == "1 share of yours failed, not seen yet"
    assert Share.objects.get().told is None


def test_a_file_that_is_processed_again_is_news(owner: User) -> None:
    failed = job(owner, **FAILED)
    browser(owner).get(failed.get_absolute_url())

    receiving.reprocess(IngestJob.objects.all())

    assert IngestJob.objects.get().seen is None


def test_the_badge_leads_to_all_that_failed(owner: User) -> None:
    ended(owner, "partly delivered")
    job(owner, file_name="broken.csv", **FAILED)
    page = browser(owner).get(reverse("targets:list")).content.decode()
    assert f'href="{reverse(UNSEEN)}"' in page

    listed = browser(owner).get(reverse(UNSEEN)).content.decode()

    assert "Night" in listed
    assert "Partly delivered" in listed
    assert "broken.csv" in listed
    assert Share.objects.get().seen is None, "the list tells too little to count"


def test_all_can_be_marked_as_seen_at_once(owner: User) -> None:
    ended(owner)
    job(owner, **FAILED)
    ended(rows.person("somebody-else"))

    answer = browser(owner).post(reverse("tom_share_worker:mark-seen"))

    assert answer["Location"] == reverse("tom_share_worker:share-list")
    assert badge(owner) == ""
    assert badge(rows.person("somebody-else")) != ""


def test_marking_as_seen_takes_a_login_and_a_button(owner: User) -> None:
    ended(owner)
    address = reverse("tom_share_worker:mark-seen")

    assert browser(owner).get(address).status_code == 405
    assert "/login/" in browser(None).post(address)["Location"]
    assert "/login/" in browser(None).get(reverse(UNSEEN))["Location"]
    assert Share.objects.get().seen is None
