"""The share page of a target: what it shows to whom, and what it becomes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from guardian.shortcuts import assign_perm
from tom_dataproducts.models import (
    DataProduct,
    PhotometryReducedDatum,
    SpectroscopyReducedDatum,
)

from tests.delivery.asking import clicks
from tests.delivery.asking.clicks import Sky
from tests.support import rows
from tom_share_worker import toolkit
from tom_share_worker.delivery.asking import cells as spell
from tom_share_worker.delivery.asking import choosing
from tom_share_worker.models import Share

pytestmark = pytest.mark.django_db

BOXES = {kind.key: kind.box for kind in choosing.KINDS}
every_kind = pytest.mark.parametrize("kind", BOXES)


@pytest.fixture(autouse=True)
def _destinations(settings: Any) -> None:
    settings.DATA_SHARING = clicks.SHARING


def address(sky: Sky) -> str:
    return reverse("targets:share", kwargs={"pk": sky.target.pk})


def opened(browser: Client, sky: Sky, **query: Any) -> Tag:
    answer = browser.get(address(sky), query)
    assert answer.status_code == 200
    return BeautifulSoup(answer.content, "html.parser")


def offered(page: Tag, kind: str) -> list[int]:
    """Return the ids that can be ticked of a kind, in the order of the page."""
    found = page.find_all("input", {"name": BOXES[kind]})
    return [int(str(box["value"])) for box in found]


def cells(page: Tag, kind: str) -> list[list[str]]:
    """Return the table of a kind as text, without its boxes."""
    section = page.find(id=f"share-{kind}")
    assert isinstance(section, Tag)
    return [
        [cell.text for cell in row.find_all("td")][1:]
        for row in section.find_all("tr")[1:]
    ]


def post(browser: Client, sky: Sky, **fields: Any) -> str:
    """Post our page with a destination; return the sentence that is shown then."""
    form = {
        "share_destination": "partner",
        "share_title": "",
        "share_message": "",
        "submitter": sky.owner.username,
        "target": sky.target.pk,
        "asks-for-target": "1",
    }
    more = {name.replace("__", "-"): given for name, given in fields.items()}
    answer = browser.post(address(sky), form | more)
    assert answer.status_code == 302, answer.content
    (message,) = get_messages(answer.wsgi_request)
    return str(message)


def test_the_page_knows_every_kind_of_data() -> None:
    assert [kind.key for kind in choosing.KINDS] == [
        *toolkit.DATUM_MODELS,
        "data_products",
    ]


@every_kind
def test_every_kind_is_offered_to_who_may_view_it(
    kind: str, sky: Sky, browser: Client
) -> None:
    had = rows.every_kind(sky.target, 2)

    assert set(had[kind]) <= set(offered(opened(browser, sky), kind))


@every_kind
def test_a_kind_one_may_not_view_is_not_offered(
    kind: str, settings: Any, sky: Sky, browser: Client
) -> None:
    seen, _ = rows.every_kind(sky.target, 2)[kind]
    settings.TARGET_PERMISSIONS_ONLY = False
    model: Any = toolkit.DATUM_MODELS.get(kind, DataProduct)
    permission = f"tom_dataproducts.view_{model._meta.model_name}"
    assign_perm(permission, sky.owner, model.objects.get(pk=seen))

    page = opened(browser, sky)

    assert {other: offered(page, other) for other in BOXES} == {
        other: [seen] if other == kind else [] for other in BOXES
    }


@pytest.mark.parametrize("permissions", ["PRIVATE", "PUBLIC"])
def test_the_page_of_another_persons_target(permissions: str) -> None:
    sky = clicks.sky(permissions=permissions)
    browser = Client()
    browser.force_login(rows.person("stranger"))

    answer = browser.get(address(sky))

    assert (answer.status_code == 200) is (permissions == "PUBLIC")
    assert ("data-share-page" in answer.content.decode()) is (permissions == "PUBLIC")


def test_who_may_view_but_not_share_is_told_so(settings: Any) -> None:
    settings.TOM_SHARE_WORKER = {"SHARE_PERMISSION": "change_target"}
    sky = clicks.sky(permissions="PUBLIC")
    browser = Client()
    browser.force_login(rows.person("stranger"))

    page = opened(browser, sky)

    assert "but not share it" in page.text
    assert page.find(id="target-share-form") is None


def test_everything_ticked_becomes_one_share(sky: Sky, browser: Client) -> None:
    had = rows.every_kind(sky.target, 2)
    ticks = {BOXES[kind].replace("-", "__"): pks for kind, pks in had.items()}

    said = post(browser, sky, with__target="on", **ticks)

    share = Share.objects.get()
    assert share.selection == had
    assert share.kind == Share.Kind.TARGET
    words = "Target SN 2026abc with 8 data points and 2 data products goes to Partner"
    assert said.startswith(words)


def test_data_go_without_the_target_where_it_is_not_ticked(
    sky: Sky, browser: Client
) -> None:
    post(browser, sky, share__box=sky.points)

    share = Share.objects.get()
    assert share.kind == Share.Kind.DATUMS
    assert share.target_id == sky.target.pk


@every_kind
def test_all_of_a_kind_is_one_tick(kind: str, sky: Sky, browser: Client) -> None:
    post(browser, sky, **{f"all__{kind}": "on", "share__box": sky.points[:1]})

    chosen = Share.objects.get().selection
    assert chosen["all"] == [kind]
    ticked_beside = {} if kind == "photometry" else {"photometry": sky.points[:1]}
    assert {k: v for k, v in chosen.items() if k != "all"} == ticked_beside


def test_nothing_chosen_is_answered_in_words(sky: Sky, browser: Client) -> None:
    assert "Nothing is selected" in post(browser, sky)
    assert not Share.objects.exists()


def test_a_refusal_leads_back_to_the_page(sky: Sky, browser: Client) -> None:
    answer = browser.post(address(sky), {"target": sky.target.pk})

    assert answer["Location"] == address(sky)


def test_what_was_typed_is_there_again_after_a_refusal(
    sky: Sky, browser: Client
) -> None:
    typed = {"share_title": "Tonight", "share_message": "Look <here>."}
    post(browser, sky, **typed)

    page = opened(browser, sky)

    title, message = (page.select_one(f"[name={name}]") for name in typed)
    chosen = page.select_one("[name=share_destination] option[selected]")
    assert isinstance(title, Tag)
    assert isinstance(message, Tag)
    assert title["value"] == "Tonight"
    assert message.text.strip() == "Look <here>."
    assert chosen
    assert chosen["value"] == "partner"
    # Once: who comes back tomorrow finds the page as ever.
    assert "Tonight" not in str(opened(browser, sky))


def test_what_was_typed_is_on_no_other_page(sky: Sky, browser: Client) -> None:
    click = clicks.on_target_list(sky).but(selected__target=None)
    browser.post(click.address, click.fields)

    assert click.fields["share_title"] not in str(opened(browser, sky))
    page = BeautifulSoup(browser.get(click.address).content, "html.parser")
    title = page.select_one("[name=share_title]")
    assert isinstance(title, Tag)
    assert title["value"] == click.fields["share_title"]


def test_each_kind_is_counted_in_its_own_words() -> None:
    counted = [(k.noun + k.origin, k.plural + k.origin) for k in choosing.KINDS]

    assert counted == [
        ("data point of photometry", "data points of photometry"),
        ("spectrum", "spectra"),
        ("data point of astrometry", "data points of astrometry"),
        ("data point of other data", "data points of other data"),
        ("data product", "data products"),
    ]


@every_kind
@pytest.mark.parametrize("rubbish", ["robot", "-1", "9" * 30])
def test_ticks_that_cannot_be_read_are_answered_in_words(
    kind: str, rubbish: str, sky: Sky, browser: Client
) -> None:
    field = f"{BOXES[kind]}-ids".replace("-", "__")

    assert "could not be read" in post(browser, sky, **{field: f"1,{rubbish}"})
    assert not Share.objects.exists()


@every_kind
def test_ten_thousand_ticks_fit_into_the_form(
    kind: str, sky: Sky, browser: Client
) -> None:
    chosen = list(range(1, 10_001))
    field = f"{BOXES[kind]}-ids".replace("-", "__")

    post(browser, sky, **{field: ",".join(map(str, chosen))})

    assert Share.objects.get().selection == {kind: chosen}


def test_many_points_come_in_pages_the_newest_first(sky: Sky, browser: Client) -> None:
    many = rows.photometry(rows.target(sky.owner, "SN 2026many"), 250)
    sky = clicks.Sky(
        sky.owner,
        PhotometryReducedDatum.objects.get(pk=many[0]).target,
        many,
        sky.product,
        sky.target_list,
    )

    first, last = opened(browser, sky), opened(browser, sky, photometry=3)

    newest_first = many[::-1]
    assert offered(first, "photometry") == newest_first[:100]
    assert offered(last, "photometry") == newest_first[200:]
    assert "All 250 data points" in first.text
    assert "Page 3 of 3" in last.text


def test_a_page_that_is_none_shows_one_that_is(sky: Sky, browser: Client) -> None:
    for nonsense in ("robot", "0", "99"):
        page = opened(browser, sky, photometry=nonsense)
        assert offered(page, "photometry") == sky.points[::-1]


def test_turning_the_page_of_one_kind_keeps_that_of_another(
    sky: Sky, browser: Client
) -> None:
    rows.photometry(sky.target, 250, first=19.0)

    page = opened(browser, sky, photometry=2, spectroscopy=1)

    links = [str(link["href"]) for link in page.select("[data-share-turn]")]
    assert links == [
        "?spectroscopy=1&photometry=1#share-photometry",
        "?spectroscopy=1&photometry=3#share-photometry",
    ]


def test_the_number_of_queries_does_not_grow_with_the_data(
    sky: Sky, browser: Client
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            opened(browser, sky)
        return len(captured)

    opened(browser, sky)
    rows.every_kind(sky.target, 2)
    few = queries()
    rows.photometry(sky.target, 300, first=19.0)

    assert queries() == few


def test_a_row_tells_an_astronomer_what_it_is(sky: Sky, browser: Client) -> None:
    PhotometryReducedDatum.objects.all().delete()
    PhotometryReducedDatum.objects.bulk_create(
        PhotometryReducedDatum(
            target=sky.target,
            timestamp=rows.NIGHT + timedelta(days=n),
            bandpass="r",
            source_name="ATLAS",
            **fields,
        )
        for n, fields in enumerate(
            (
                {"limit": 0.02, "unit": "mJy"},
                {"limit": 20.5, "unit": "AB mag", "telescope": "1m0"},
                {"brightness": 17.25, "brightness_error": 0.01, "unit": "AB mag"},
            )
        )
    )
    SpectroscopyReducedDatum.objects.create(
        target=sky.target,
        timestamp=rows.NIGHT,
        wavelength=[9000.0, 4000.5],
        flux=[1.0, 2.0],
        wavelength_unit="Angstrom",
    )

    page = opened(browser, sky)

    assert cells(page, "photometry") == [
        ["2026-03-03 02:03:04", "r", "17.25 ± 0.01 AB mag", "—", "ATLAS"],
        ["2026-03-02 02:03:04", "r", "> 20.5 AB mag", "1m0", "ATLAS"],
        ["2026-03-01 02:03:04", "r", "< 0.02 mJy", "—", "ATLAS"],
    ]
    assert cells(page, "spectroscopy") == [
        ["2026-03-01 02:03:04", "4000.5 to 9000 Angstrom, 2 points", "—", "—"]
    ]


def test_a_spectrum_of_one_point_has_one_point() -> None:
    one = SpectroscopyReducedDatum(wavelength=[5000.0], flux=[1.0])

    assert spell.wavelengths(one) == "5000 to 5000, 1 point"


def test_rows_of_odd_data_are_shown_all_the_same(sky: Sky, browser: Client) -> None:
    PhotometryReducedDatum.objects.bulk_create(
        [PhotometryReducedDatum(target=sky.target, brightness=1.5e-17, bandpass="r")]
    )
    SpectroscopyReducedDatum.objects.bulk_create(
        [SpectroscopyReducedDatum(target=sky.target, flux=[1.0])]
    )
    DataProduct.objects.create(target=sky.target)
    evil = "<script>alert(1)</script>"
    toolkit.DATUM_MODELS["generic"]._default_manager.create(
        target=sky.target, data_type=evil, value={"x": evil * 10}
    )

    page = opened(browser, sky)

    assert any(row[2] == "1.5e-17" for row in cells(page, "photometry"))
    assert cells(page, "spectroscopy")[0][1] == "—"
    assert any(row[0] == "(no file)" for row in cells(page, "data_products"))
    assert cells(page, "generic")[0][1] == evil
    assert len(cells(page, "generic")[0][2]) == 60


def test_every_field_has_a_name_for_a_screen_reader(sky: Sky, browser: Client) -> None:
    rows.every_kind(sky.target, 2)

    page = opened(browser, sky)

    form = page.find(id="target-share-form")
    assert isinstance(form, Tag)
    labelled = {str(label["for"]) for label in form.find_all("label")}
    for field in form.find_all(["input", "select", "textarea"]):
        if field.get("type") != "hidden":
            assert field.get("aria-label") or field.get("id") in labelled, field


def test_a_destination_comes_before_the_download(sky: Sky, browser: Client) -> None:
    page = opened(browser, sky)

    values = [str(option["value"]) for option in page.find_all("option")]

    assert values == ["partner", "hermes:survey.test", "download"]


def test_authors_are_asked_for_where_messages_go(
    sky: Sky, browser: Client, settings: Any
) -> None:
    assert opened(browser, sky).find(id="id_share_authors") is not None
    post(browser, sky, share__box=sky.points, share_authors="A. Person", with__target=1)
    assert Share.objects.get().authors == "A. Person"

    settings.DATA_SHARING = {"partner": clicks.PARTNER}

    assert opened(browser, sky).find(id="id_share_authors") is None


def test_all_photometry_is_downloaded(sky: Sky, browser: Client) -> None:
    other = rows.photometry(rows.target(sky.owner, "SN 2026other"), 2, first=11.0)
    form = {
        "share_destination": "download",
        "submitter": "x",
        "target": sky.target.pk,
        "all-photometry": "on",
        "with-target": "on",
    }

    answer = browser.post(address(sky), form)

    lines = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert sum("Sinistro" in line for line in lines) == len(sky.points)
    assert other


def test_what_is_no_photometry_is_not_downloaded(sky: Sky, browser: Client) -> None:
    said = post(
        browser,
        sky,
        share_destination="download",
        share__box=sky.points,
        all__spectroscopy="on",
    )

    assert "Only photometry can be downloaded" in said


def test_a_list_goes_with_data_points_or_data_products_as_ticked(
    sky: Sky, browser: Client
) -> None:
    click = clicks.on_target_list(sky).but(dataSwitch=None, productSwitch="on")

    browser.post(click.address, click.fields)

    share = Share.objects.get()
    assert share.with_data is False
    assert share.selection["all"] == ["data_products"]


def test_authors_of_a_list_are_asked_for_and_kept(sky: Sky, browser: Client) -> None:
    click = clicks.on_target_list(sky).but(share_authors="A. Person")

    page = browser.get(click.address).content.decode()
    browser.post(click.address, click.fields)

    assert 'name="share_authors"' in page
    assert Share.objects.get().authors == "A. Person"
