"""A section of the share page narrowed to what an astronomer looks for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from django.test import Client
from django.urls import reverse
from guardian.shortcuts import assign_perm
from tom_dataproducts.models import PhotometryReducedDatum, SpectroscopyReducedDatum

from tests.delivery.asking.clicks import Sky
from tests.support import rows
from tom_share_worker.delivery.asking import choosing

pytestmark = pytest.mark.django_db

DAYS = 30


@pytest.fixture
def light_curve(sky: Sky) -> list[PhotometryReducedDatum]:
    """One point a night, in turn of two filters, the last ten of another survey."""
    made: list[PhotometryReducedDatum] = PhotometryReducedDatum.objects.bulk_create(
        PhotometryReducedDatum(
            target=sky.target,
            timestamp=rows.NIGHT + timedelta(days=n),
            brightness=19.0 + n / 100,
            bandpass="gr"[n % 2],
            telescope="Palomar" if n < 20 else "Haleakala",
            source_name="ZTF" if n < 20 else "ATLAS",
        )
        for n in range(1, DAYS + 1)
    )
    return made


def asked(browser: Client, sky: Sky, **query: str) -> Any:
    fields = {name.replace("__", "-"): given for name, given in query.items()}
    return browser.get(reverse("targets:share", kwargs={"pk": sky.target.pk}), fields)


def ids(browser: Client, sky: Sky, **query: str) -> list[int]:
    """Return what our script gets to tick, lowest first."""
    found: list[int] = asked(browser, sky, ids="photometry", **query).json()["ids"]
    return sorted(found)


def shown(browser: Client, sky: Sky, **query: str) -> list[int]:
    """Return the ids of the photometry on the page, lowest first."""
    page = BeautifulSoup(asked(browser, sky, **query).content, "html.parser")
    boxes = page.find_all("input", {"name": "share-box"})
    return sorted(int(str(box["value"])) for box in boxes)


@pytest.mark.parametrize(
    ("query", "nights"),
    [
        ({"since": "2026-03-30"}, range(29, 31)),
        ({"until": "2026-03-03"}, range(1, 3)),
        ({"since": "2026-03-11", "until": "2026-03-11"}, range(10, 11)),
        ({"bandpass": "R", "since": "2026-03-02"}, range(1, 31, 2)),
        ({"origin": "atlas"}, range(21 - 1, 31)),
        ({"origin": "palomar", "bandpass": "g"}, range(2, 20, 2)),
        ({"origin": "nowhere"}, range(0)),
    ],
)
def test_what_is_typed_narrows_the_rows_and_what_is_ticked(
    query: dict[str, str],
    nights: range,
    light_curve: list[PhotometryReducedDatum],
    sky: Sky,
    browser: Client,
) -> None:
    typed = {f"photometry__{name}": given for name, given in query.items()}
    ours = set(sky.points)

    expected = [light_curve[night - 1].pk for night in nights]

    assert [pk for pk in shown(browser, sky, **typed) if pk not in ours] == expected
    assert [pk for pk in ids(browser, sky, **typed) if pk not in ours] == expected


@pytest.mark.parametrize(
    "day", ["robot", "2026-13-01", "0001-01-01", "9999-12-31", "", "20260301T"]
)
def test_a_date_that_is_none_narrows_nothing(
    day: str,
    light_curve: list[PhotometryReducedDatum],
    sky: Sky,
    browser: Client,
) -> None:
    query = {"photometry__since": day, "photometry__until": day}

    assert len(ids(browser, sky, **query)) == DAYS + len(sky.points)
    assert len(shown(browser, sky, **query)) == DAYS + len(sky.points)


@pytest.mark.parametrize(
    ("until", "said"), [("2026-03-04", True), ("2026-03-05", False), ("", False)]
)
def test_days_in_the_wrong_order_are_told(
    until: str,
    said: bool,
    light_curve: list[PhotometryReducedDatum],
    sky: Sky,
    browser: Client,
) -> None:
    query = {"photometry__since": "2026-03-05", "photometry__until": until}

    page = asked(browser, sky, **query).content.decode()

    assert ("From is later than To." in page) is said


@pytest.mark.parametrize("field", ["bandpass", "origin"])
def test_characters_that_no_database_takes_are_ignored(
    field: str, sky: Sky, browser: Client
) -> None:
    query = {f"photometry__{field}": "\0"}

    assert len(shown(browser, sky, **query)) == len(sky.points)


def test_the_filters_there_are_can_be_chosen_from(
    light_curve: list[PhotometryReducedDatum], sky: Sky, browser: Client
) -> None:
    PhotometryReducedDatum.objects.create(
        target=rows.target(sky.owner, "SN 2026xyz"), brightness=19.0, bandpass="J"
    )

    answer = asked(browser, sky, photometry__bandpass="nowhere")
    page = BeautifulSoup(answer.content, "html.parser")

    offered = page.select("#photometry-bandpasses option")
    assert [option["value"] for option in offered] == ["g", "r"]


def test_the_whole_is_still_offered_when_rows_are_narrowed(
    light_curve: list[PhotometryReducedDatum], sky: Sky, browser: Client
) -> None:
    page = asked(browser, sky, photometry__origin="ATLAS").content.decode()

    assert f"All {DAYS + len(sky.points)} data points" in page
    assert "11 data points found" in page
    assert "Tick 11 data points" in page


def test_one_kind_is_narrowed_and_no_other(sky: Sky, browser: Client) -> None:
    SpectroscopyReducedDatum.objects.create(
        target=sky.target, flux=[1.0], wavelength=[5000.0], telescope="NTT"
    )

    answer = asked(browser, sky, photometry__origin="nowhere")
    page = BeautifulSoup(answer.content, "html.parser")

    section = page.find(id="share-spectroscopy")
    assert isinstance(section, Tag)
    assert "NTT" in section.text


def test_ids_are_given_of_what_one_may_view_only(
    light_curve: list[PhotometryReducedDatum],
    sky: Sky,
    browser: Client,
    settings: Any,
) -> None:
    settings.TARGET_PERMISSIONS_ONLY = False
    allowed = light_curve[3]
    assign_perm("tom_dataproducts.view_photometryreduceddatum", sky.owner, allowed)

    assert ids(browser, sky) == [allowed.pk]


@pytest.mark.parametrize("allowed", ["view_target", "change_target"])
def test_ids_are_given_to_who_may_share(
    allowed: str,
    light_curve: list[PhotometryReducedDatum],
    sky: Sky,
    settings: Any,
) -> None:
    sky.target.permissions = "PUBLIC"
    sky.target.save()
    settings.TOM_SHARE_WORKER = {"SHARE_PERMISSION": allowed}
    stranger = Client()
    stranger.force_login(rows.person("stranger"))

    assert bool(ids(stranger, sky)) is (allowed == "view_target")


def test_an_anonymous_visitor_gets_no_ids(sky: Sky) -> None:
    assert asked(Client(), sky, ids="photometry").status_code == 302


def test_ids_of_a_kind_that_is_none_are_none(sky: Sky, browser: Client) -> None:
    assert asked(browser, sky, ids="robots").json() == {"ids": []}


def test_more_than_a_form_can_hold_is_not_offered_to_be_ticked(
    light_curve: list[PhotometryReducedDatum],
    sky: Sky,
    browser: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(choosing, "TICKED_AT_ONCE", 10)

    page = asked(browser, sky, photometry__origin="ATLAS").content.decode()

    assert "data-share-tick-found" not in page
