"""What became of shares is found: the tab of a target, the badge, the list."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from tests.browser.person import Person
from tests.browser.site import Site
from tests.support import rows
from tests.support.remote_tom import RemoteTom
from tom_share_worker.models import Share

pytestmark = pytest.mark.django_db(transaction=True)

BADGE = ".navbar a.badge"


@pytest.fixture
def astronomer() -> User:
    return rows.person("astronomer")


def ended(owner: User, status: str, subject: str, **columns: object) -> Share:
    """Return a share that has ended so, with one delivery."""
    made = rows.share(
        owner,
        subject=subject,
        planned=True,
        status=status,
        ended=timezone.now(),
        **columns,
    )
    failure = "destination down" if status == "failed" else ""
    rows.delivery(made, status=status, failure=failure, target_name="SN 2026abc")
    return made


def open_target(person: Person, target: int) -> Page:
    """Open the host's page of a target, whose own parts need machines elsewhere."""
    person.expects("A is not defined")  # Aladin's finder chart
    person.expects("JS9")
    return person.open(f"/targets/{target}/")


def test_the_page_of_a_target_has_a_tab_with_its_shares(
    site: Site, partner: RemoteTom, astronomer: User
) -> None:
    target = rows.target(astronomer, "SN 2026abc")
    share = ended(astronomer, "delivered", "All data of SN 2026abc", target=target)
    page = open_target(site.visit(astronomer), target.pk)

    page.get_by_role("tab", name="Sharing").click()
    row = page.locator("#target-sharing tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Delivered")
    row.get_by_role("link", name=share.subject).click()

    expect(page.get_by_role("heading", level=1)).to_have_text(share.subject)


def test_a_badge_tells_of_a_failure_until_it_was_seen(
    site: Site, partner: RemoteTom, astronomer: User
) -> None:
    failed = ended(astronomer, "failed", "All data of SN 2026abc")
    person = site.visit(astronomer)
    page = person.open("/")

    expect(page.locator(BADGE)).to_contain_text("1")
    page.locator(BADGE).click()
    page.get_by_role("link", name=failed.subject).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(failed.subject)
    page.goto("/")

    expect(page.get_by_role("link", name="Shares", exact=True)).to_be_visible()
    expect(page.locator(BADGE)).to_have_count(0)


def test_the_list_is_narrowed_and_a_share_asked_for_again(
    site: Site, partner: RemoteTom, astronomer: User
) -> None:
    target = rows.target(astronomer, "SN 2026abc")
    ended(astronomer, "delivered", "All data of SN 2026abc", target=target)
    ended(astronomer, "failed", "All data of SN 2026xyz")
    page = site.visit(astronomer).open("/shares/")
    listed = page.locator("table tbody tr")
    expect(listed).to_have_count(2)

    page.get_by_label("Status").select_option(label="Delivered")
    page.get_by_role("button", name="Filter").click()
    expect(listed).to_have_count(1)
    expect(listed).to_contain_text("SN 2026abc")
    listed.get_by_role("button", name="Share again").click()

    expect(page.locator("#share-progress, .alert").first).to_be_visible()
    assert Share.objects.filter(target=target.pk).count() == 2
