"""An operator at work in the browser: the morning after, a pause, a bulk retry."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from tests.browser import gallery
from tests.browser.site import Site
from tests.support import rows
from tests.support.remote_tom import RemoteTom
from tom_share_worker.models import BulkAction, Delivery, Share

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 30


@pytest.fixture
def people() -> tuple[User, User]:
    return gallery.people()


def overnight(owner: User) -> Share:
    """Return a share of many targets that all failed, as the partner was down."""
    share = rows.share(
        owner,
        subject="30 targets",
        kind=Share.Kind.TARGETS,
        planned=True,
        status="failed",
        ended=timezone.now(),
    )
    for number in range(MANY):
        target = rows.target(owner, f"SN 2026-{number:02d}")
        rows.delivery(
            share,
            target_id=target.pk,
            target_name=target.name,
            status="failed",
            failure="destination down",
            ended=timezone.now(),
        )
    return share


def test_what_failed_overnight_is_all_sent_again_with_three_clicks(
    site: Site, partner: RemoteTom, people: tuple[User, User]
) -> None:
    astronomer, operator = people
    share = overnight(astronomer)
    page = site.visit(operator).open("/admin/")
    site.tom.start_worker()

    page.get_by_role("link", name="task status").first.click()
    page.get_by_role("link", name="Retry failed").first.click()
    page.get_by_role("button", name="Retry all of them").click()

    expect(page.locator("body")).to_contain_text("Retry")
    site.tom.await_delivered(share)
    assert len(partner.store.targets) == MANY
    action = BulkAction.objects.get()
    page.goto(f"/admin/tom_share_worker/bulkaction/{action.pk}/change/")
    expect(page.locator("#progress")).to_contain_text("Done")
    assert action.asked_by == operator


def test_a_list_is_narrowed_and_all_that_match_are_retried(
    site: Site, partner: RemoteTom, people: tuple[User, User]
) -> None:
    astronomer, operator = people
    share = overnight(astronomer)
    site.tom.start_worker(ready=False)
    page = site.visit(operator).open("/admin/tom_share_worker/delivery/?status=failed")

    page.get_by_role("link", name=f"Retry all {MANY} that match").click()
    page.get_by_role("button", name=f"Retry {MANY} deliveries").click()

    expect(page.locator(".messagelist")).to_contain_text(f"{MANY} deliveries")
    site.tom.await_delivered(share)


def test_a_pause_is_told_to_those_who_wait_and_its_end_lets_it_go(
    site: Site, partner: RemoteTom, people: tuple[User, User]
) -> None:
    astronomer, operator = people
    share = rows.share(
        astronomer, target=rows.target(astronomer), subject="All of it", planned=True
    )
    share.status = Share.Status.RUNNING
    rows.delivery(share)
    keeper = site.visit(operator).page
    keeper.goto("/admin/tom_share_worker/taskstatus/")

    keeper.get_by_role("link", name="Pause…").first.click()
    keeper.get_by_label("Reason").fill("They move to another machine.")
    keeper.get_by_role("button", name="Pause").click()
    site.tom.start_worker()
    page = site.visit(astronomer).open(f"/shares/{share.pk}/")
    told = page.locator(".alert-warning")
    expect(told).to_contain_text("were paused by operator")
    expect(told).to_contain_text("They move to another machine.")
    assert Delivery.objects.get().status == "queued"
    _resume(keeper)

    expect(page.locator("#share-progress .badge").first).to_have_text("Delivered")


def _resume(keeper: Page) -> None:
    keeper.get_by_role("button", name="Resume").first.click()
    expect(keeper.get_by_role("link", name="Pause…").first).to_be_visible()
