"""The pages from which people share: what they offer, and what they send."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.models import User
from django.urls import reverse
from guardian.shortcuts import assign_perm

from tests.status.conftest import browser
from tests.support import rows
from tom_share_worker.delivery.asking.forms import MESSAGES_ONLY
from tom_share_worker.models import Share


def test_the_navigation_bar_links_to_the_shares_for_people_logged_in(
    owner: User,
) -> None:
    link = f'href="{reverse("tom_share_worker:share-list")}"'

    assert link in browser(owner).get("/").content.decode()
    assert link not in browser(None).get("/").content.decode()


def page_of_list(owner: User, count: int) -> tuple[str, str, Any]:
    targets = [rows.target(owner, f"SN 2026x{n:03}") for n in range(count)]
    target_list = rows.target_list("Season", *targets)
    assign_perm("tom_targets.view_targetlist", owner, target_list)
    address = reverse("targets:share-group", kwargs={"pk": target_list.pk})
    return address, browser(owner).get(address).content.decode(), targets


def fields(page: str) -> dict[str, str]:
    """Return what a browser would send, with nothing typed or ticked."""
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    return hidden | {"share_destination": "partner", "dataSwitch": "on"}


def test_a_whole_list_is_shared_without_naming_its_targets(owner: User) -> None:
    address, page, _ = page_of_list(owner, 3)

    assert "Share all 3 targets of this list" in page
    browser(owner).post(address, fields(page) | {"isSelectAll": "True"})

    share = Share.objects.get()
    assert (share.selection, share.with_data) == ({}, True)


def test_both_pages_say_that_no_tom_gets_title_and_message(
    owner: User, settings: Any
) -> None:
    assert [*settings.DATA_SHARING] == ["partner"]  # a TOM, and no other kind
    target = rows.target(owner)
    of_target = reverse("targets:share", kwargs={"pk": target.pk})
    pages = [
        browser(owner).get(of_target).content.decode(),
        page_of_list(owner, 1)[1],
    ]

    assert [page.count(MESSAGES_ONLY) for page in pages] == [2, 2]


def test_only_the_ticked_targets_are_shared(owner: User) -> None:
    address, page, targets = page_of_list(owner, 3)
    ticked = {"isSelectAll": "False", "selected-target": [str(targets[1].pk)]}

    browser(owner).post(address, fields(page) | ticked)

    assert Share.objects.get().selection == {"targets": [targets[1].pk]}
    assert page.count('name="selected-target"') == 3


def test_a_list_without_targets_offers_nothing_to_share(owner: User) -> None:
    _, page, _ = page_of_list(owner, 0)

    assert "no targets that you may view" in page
    assert 'name="isSelectAll"' not in page
