"""An astronomer shares in the browser: what arrives, what fails, and its cure."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from tests.browser.site import Site
from tests.support import rows
from tests.support.remote_tom import RemoteTom

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "aperture-photometry"


@pytest.fixture
def astronomer() -> User:
    made = rows.person("astronomer")
    made.set_password(PASSWORD)
    made.save()
    return made


def badge(page: Page) -> str:
    """Return the share's standing, as its page shows it."""
    return page.locator("#share-progress .badge").first.inner_text()


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
    expect(page.locator("#share-progress .badge").first).not_to_have_text("Delivered")
    site.tom.start_worker(ready=False)

    expect(page.locator("#share-progress .badge").first).to_have_text("Delivered")
    expect(page.get_by_role("heading", level=2)).to_contain_text("SN 2026abc")
    assert len(partner.store.datums) == 3
