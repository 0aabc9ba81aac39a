"""What a person reads after a click, on the host's own page."""

from __future__ import annotations

from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from django.test import Client

from tests.delivery.asking import clicks
from tests.delivery.asking.clicks import DOORS, Door
from tests.support import rows
from tom_share_worker.models import Share

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _destinations(settings: Any) -> None:
    settings.DATA_SHARING = clicks.SHARING


def next_page(door: Door, sky: clicks.Sky) -> Tag:
    """Click and follow; return the messages of the page one lands on."""
    browser = Client()
    browser.force_login(sky.owner)
    click = door(sky)
    answer = browser.post(click.address, click.fields, follow=True)
    assert answer.status_code == 200
    page = BeautifulSoup(answer.content, "html.parser")
    messages = page.find(id="messages")
    assert isinstance(messages, Tag)
    return messages


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS.keys())
def test_the_page_after_a_click_links_to_the_share(door: Door) -> None:
    messages = next_page(door, clicks.sky())

    share = Share.objects.get()
    link = messages.find("a", href=share.get_absolute_url())
    assert link is not None, messages
    assert link.text == "Follow its progress"
    assert "Partner TOM" in messages.text


def test_the_link_leads_to_a_page() -> None:
    sky = clicks.sky()
    browser = Client()
    browser.force_login(sky.owner)
    click = clicks.on_target(sky)
    browser.post(click.address, click.fields)

    answer = browser.get(Share.objects.get().get_absolute_url())

    assert answer.status_code == 200
    assert b"SN 2026abc" in answer.content


def test_a_name_cannot_smuggle_markup_into_the_page(settings: Any) -> None:
    evil = "<script>alert('x')</script>"
    settings.DATA_SHARING = {"partner": clicks.PARTNER | {"DISPLAY_NAME": evil}}
    sky = clicks.sky()
    sky.target.name = "<img src=x onerror=alert(1)>"
    sky.target.save()

    messages = next_page(clicks.on_all_data, sky)

    assert messages.find("script") is None
    assert messages.find("img") is None
    assert sky.target.name in messages.text


def test_a_refusal_cannot_smuggle_markup_into_the_page() -> None:
    sky = clicks.sky()
    browser = Client()
    browser.force_login(sky.owner)
    click = clicks.on_target(sky).but(share_destination="<script>x</script>")

    answer = browser.post(click.address, click.fields, follow=True)

    assert b"<script>x</script>" not in answer.content
    assert "Nothing was shared" in answer.content.decode()


def test_the_target_page_opens_with_and_without_shares() -> None:
    sky = clicks.sky()
    browser = Client()
    browser.force_login(sky.owner)
    rows.share(sky.owner, target=sky.target)

    assert browser.get(f"/targets/{sky.target.pk}/").status_code == 200
