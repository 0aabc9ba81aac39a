"""An astronomer shares in the browser: what arrives, what fails, and its cure."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from playwright.sync_api import Locator, Page, expect

from tests.browser import keyboard
from tests.browser.person import NARROW
from tests.browser.site import Site
from tests.support import misbehaviour, rows
from tests.support.remote_tom import RemoteTom
from tom_share_worker.models import Share

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "aperture-photometry"
DENIED = {"detail": "You do not have permission to perform this action."}


@pytest.fixture
def astronomer() -> User:
    made = rows.person("astronomer")
    made.set_password(PASSWORD)
    made.save()
    return made


def standing(page: Page) -> Locator:
    """Return the word on how the share of this page stands."""
    return page.locator("#share-progress .badge").first


def choose_all(page: Page, target: int) -> None:
    """Open the share page of a target and choose its photometry."""
    page.goto(f"/targets/{target}/share/")
    page.get_by_label("Destination").select_option("partner")
    page.get_by_label("All 3 data points").check()


def share_all(page: Page, target: int) -> None:
    """Share the photometry of a target, and follow the link to the share."""
    choose_all(page, target)
    page.get_by_role("button", name="Share", exact=True).click()
    page.locator(".alert a[href*='/shares/']").first.click()


def test_a_person_logs_in_shares_and_sees_it_arrive_without_loading_the_page_again(
    site: Site, partner: RemoteTom, astronomer: User
) -> None:
    target = rows.target(astronomer, "SN 2026abc")
    rows.photometry(target, 3)
    person = site.visit()
    page = person.page

    person.open("/accounts/login/")
    page.get_by_label("Username").fill("astronomer")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign In").click()
    page.goto(f"/targets/{target.pk}/")
    page.get_by_role("link", name="Share", exact=True).first.click()
    page.get_by_label("Destination").select_option("partner")
    page.get_by_label("All 3 data points").check()
    expect(page.get_by_role("status").first).to_contain_text("all photometry")
    page.get_by_role("button", name="Share", exact=True).click()
    page.locator(".alert a[href*='/shares/']").first.click()
    expect(standing(page)).not_to_have_text("Delivered")
    site.tom.start_worker(ready=False)

    expect(standing(page)).to_have_text("Delivered")
    assert len(partner.store.datums) == 3


def test_a_refusal_is_told_in_words_and_cured_by_one_button(
    site: Site, partner: RemoteTom, astronomer: User
) -> None:
    target = rows.target(astronomer, "SN 2026abc")
    rows.photometry(target, 3)
    partner.on("POST", "/api/targets/", misbehaviour.answer(403, DENIED))
    site.tom.start_worker(ready=False)
    page = site.visit(astronomer).page

    share_all(page, target.pk)
    expect(standing(page)).to_have_text("Failed")
    told = page.locator("#share-progress")
    expect(told).to_contain_text("Permission missing there")
    expect(told).to_contain_text("Ask the people of that TOM")
    partner.heal()
    page.get_by_role("button", name="Retry it now").or_(
        page.get_by_role("button", name="Retry these 2 deliveries now")
    ).click()

    expect(standing(page)).to_have_text("Delivered")
    assert len(partner.store.datums) == 3


def test_a_remote_that_is_down_is_told_of_while_the_share_waits(
    site: Site, partner: RemoteTom, astronomer: User
) -> None:
    target = rows.target(astronomer, "SN 2026abc")
    rows.photometry(target, 3)
    site.tom.hurry(RETRY_SCHEDULE=[0, 600], BACKOFF_LIMIT=600)
    partner.refuse()
    site.tom.start_worker(ready=False)
    page = site.visit(astronomer).page

    share_all(page, target.pk)
    expect(page.locator(".alert-warning")).to_contain_text("Retry tries at once")
    partner.listen()
    page.get_by_role("button", name="Retry", exact=True).click()

    expect(standing(page)).to_have_text("Delivered")


def test_a_whole_share_is_made_with_the_keyboard_alone(
    site: Site, partner: RemoteTom, astronomer: User
) -> None:
    target = rows.target(astronomer, "SN 2026abc")
    rows.photometry(target, 3)
    site.tom.start_worker(ready=False)
    person = site.visit(astronomer)
    page, keys = person.page, person.page.keyboard

    person.open(f"/targets/{target.pk}/share/")
    assert len(keyboard.stops(page)) < keyboard.FAR, "Tab never leaves the page."
    keyboard.tab_to(page, page.get_by_label("Destination"))
    keys.type("Partner")
    keyboard.tab_to(page, page.get_by_label("All 3 data points"))
    keys.press("Space")
    keyboard.tab_to(page, page.get_by_role("button", name="Share", exact=True))
    keys.press("Enter")
    told = page.locator(".alert a[href*='/shares/']")
    expect(told).to_be_visible()
    keyboard.tab_to(page, told)
    keys.press("Enter")

    expect(standing(page)).to_have_text("Delivered")
    assert len(partner.store.datums) == 3


def test_on_a_telephone_the_buttons_are_reached_and_nothing_moves_sideways(
    site: Site, partner: RemoteTom, astronomer: User
) -> None:
    target = rows.target(astronomer, "SN 2026abc")
    rows.photometry(target, 3)
    page = site.visit(astronomer).page
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]

    share_all(page, target.pk)
    cancel = page.get_by_role("button", name="Cancel")
    expect(cancel).to_be_visible()
    width = page.evaluate("document.documentElement.scrollWidth")
    box = cancel.bounding_box()
    assert width <= NARROW["width"]
    assert box is not None
    assert box["x"] + box["width"] <= NARROW["width"]
    cancel.click()

    expect(standing(page)).to_have_text("Cancelled")


def test_who_is_logged_out_while_a_page_renews_itself_is_told_so_and_led_back(
    site: Site, partner: RemoteTom, astronomer: User
) -> None:
    share = rows.share(astronomer, subject="All of it", planned=True, status="running")
    rows.delivery(share, target_name="SN 2026abc")
    person = site.visit(astronomer)
    page = person.open(f"/shares/{share.pk}/")
    expect(standing(page)).to_be_visible()

    Session.objects.all().delete()

    expect(page.locator("#share-progress")).to_contain_text("You are logged out")
    page.get_by_role("link", name="Log in", exact=True).last.click()
    page.get_by_label("Username").fill("astronomer")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign In").click()
    expect(standing(page)).to_be_visible()
    assert page.url.endswith(f"/shares/{share.pk}/")
    assert Share.objects.get().status == "running"
