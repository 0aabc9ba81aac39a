"""What a click says, and what is answered to one that says nothing usable."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from tests.delivery.asking import clicks
from tests.delivery.asking.clicks import DOORS, Click, Door, Sky
from tests.support import rows
from tom_share_worker.models import Share

pytestmark = pytest.mark.django_db

every_door = pytest.mark.parametrize("door", DOORS.values(), ids=DOORS.keys())


@pytest.fixture(autouse=True)
def _destinations(settings: Any) -> None:
    settings.DATA_SHARING = clicks.SHARING


def said(browser: Client, click: Click) -> str:
    """Click; return the one sentence that is shown on the next page."""
    answer = browser.post(click.address, click.fields)
    assert answer.status_code == 302
    (message,) = get_messages(answer.wsgi_request)
    return str(message)


@every_door
@pytest.mark.parametrize(
    ("destination", "words"),
    [
        # Not chosen, or no longer in DATA_SHARING when the form comes back.
        (None, "Destination: This field is required."),
        ("nowhere", "nowhere is not one of the available choices."),
    ],
)
def test_a_destination_that_is_none_is_answered_in_words(
    door: Door, destination: str | None, words: str, sky: Sky, browser: Client
) -> None:
    click = door(sky).but(share_destination=destination)

    sentence = said(browser, click)

    assert words in sentence
    assert not Share.objects.exists()


@pytest.mark.parametrize(
    ("door", "words"),
    [
        (clicks.on_target_list, "download is not one of the available choices"),
        (clicks.on_product, "follow the link of its file name"),
    ],
)
def test_where_there_is_nothing_to_download_words_say_so(
    door: Door, words: str, sky: Sky, browser: Client
) -> None:
    click = door(sky).but(share_destination="download")

    assert words in said(browser, click)
    assert not Share.objects.exists()


RUBBISH = ["robot", "1.5", "-1", "0x1F", "1_000", "²", "9" * 30, "' OR 1=1 --"]


@pytest.mark.parametrize("rubbish", RUBBISH)
@pytest.mark.parametrize("destination", ["partner", "download"])
@pytest.mark.parametrize("door", [clicks.on_target, clicks.on_photometry])
@pytest.mark.parametrize("field", ["share__box", "share__box__ids"])
def test_a_selection_of_data_that_cannot_be_read_is_answered_in_words(
    rubbish: str, destination: str, door: Door, field: str, sky: Sky, browser: Client
) -> None:
    click = door(sky).but(share_destination=destination, **{field: rubbish})

    assert "could not be read" in said(browser, click)
    assert not Share.objects.exists()


@pytest.mark.parametrize("rubbish", RUBBISH)
def test_a_selection_of_targets_that_cannot_be_read_is_answered_in_words(
    rubbish: str, sky: Sky, browser: Client
) -> None:
    click = clicks.on_target_list(sky).but(selected__target=rubbish)

    assert "could not be read" in said(browser, click)
    assert not Share.objects.exists()


def test_a_list_with_nothing_ticked_is_answered_in_words(
    sky: Sky, browser: Client
) -> None:
    click = clicks.on_target_list(sky).but(selected__target=None)

    assert "No targets shared" in said(browser, click)
    assert not Share.objects.exists()


@pytest.mark.parametrize(
    "spoiled", [{"selected__target": None}, {"share_destination": ""}]
)
def test_a_mistake_on_the_page_of_a_list_leads_back_to_it(
    spoiled: dict[str, Any], sky: Sky, browser: Client
) -> None:
    click = clicks.on_target_list(sky).but(**spoiled)

    answer = browser.post(click.address, click.fields)

    page = reverse("targets:share-group", kwargs={"pk": sky.target_list.pk})
    assert answer["Location"] == page


@pytest.mark.parametrize(
    ("door", "field"),
    [(clicks.on_target, "target"), (clicks.on_target_list, "target_list")],
)
@pytest.mark.parametrize("value", ["", "robot", 10**9, 10**30])
def test_a_form_without_its_subject_is_answered_in_words(
    door: Door, field: str, value: Any, sky: Sky, browser: Client
) -> None:
    click = door(sky).but(**{field: value})

    assert "Nothing was shared" in said(browser, click)
    assert not Share.objects.exists()


def test_a_form_that_names_another_target_than_its_page_is_refused(
    sky: Sky, browser: Client
) -> None:
    other = rows.target(sky.owner, "SN 2026xyz")
    click = clicks.on_target(sky).but(target=other.pk)

    assert "another target" in said(browser, click)
    assert not Share.objects.exists()


def test_a_form_that_names_another_list_than_its_page_is_refused(
    sky: Sky, browser: Client
) -> None:
    other = rows.target_list("Disk season", sky.target)
    click = clicks.on_target_list(sky).but(target_list=other.pk)

    assert "another target list" in said(browser, click)
    assert not Share.objects.exists()


@pytest.mark.parametrize("spelling", ["True", "true"])
def test_the_whole_list_is_shared_without_naming_a_target(
    spelling: str, sky: Sky, browser: Client
) -> None:
    click = clicks.on_target_list(sky).but(isSelectAll=spelling, selected__target=None)

    said(browser, click)

    share = Share.objects.get()
    assert share.selection == {}
    assert share.target_list == sky.target_list


def test_without_the_switch_a_list_goes_without_data(sky: Sky, browser: Client) -> None:
    click = clicks.on_target_list(sky).but(dataSwitch=None)

    said(browser, click)

    assert Share.objects.get().with_data is False


@every_door
def test_a_title_that_is_too_long_is_refused_as_by_the_api(
    door: Door, sky: Sky, browser: Client
) -> None:
    click = door(sky).but(share_title="t" * 301)

    assert "Title: Ensure this field has no more than 300" in said(browser, click)
    assert not Share.objects.exists()


@every_door
def test_a_title_of_300_characters_is_taken_whole(
    door: Door, sky: Sky, browser: Client
) -> None:
    said(browser, door(sky).but(share_title="t" * 300))

    assert Share.objects.get().title == "t" * 300


@every_door
def test_names_of_any_length_are_taken(door: Door, sky: Sky, browser: Client) -> None:
    sky.target.name = "n" * 100
    sky.target.save()
    sky.target_list.name = "l" * 200
    sky.target_list.save()

    said(browser, door(sky))

    assert len(Share.objects.get().subject) <= 300
