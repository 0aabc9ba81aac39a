"""`download`, the host's pseudo-destination: its own CSV, of what one may view."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client, RequestFactory
from guardian.shortcuts import assign_perm
from tom_dataproducts.models import PhotometryReducedDatum
from tom_dataproducts.views import DataShareView as HostDataShareView

from tests.delivery.asking import clicks
from tests.delivery.asking.clicks import Click, Door
from tests.support import rows
from tom_share_worker.models import Share

pytestmark = pytest.mark.django_db

both_doors = pytest.mark.parametrize(
    "door", [clicks.on_target, clicks.on_photometry], ids=["target", "data"]
)


@pytest.fixture(autouse=True)
def _destinations(settings: Any) -> None:
    settings.DATA_SHARING = clicks.SHARING


def download(door: Door, sky: clicks.Sky) -> Click:
    return door(sky).but(share_destination="download", share__box=sky.points)


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


@both_doors
def test_it_is_what_the_host_gives_to_the_byte(door: Door) -> None:
    sky = clicks.sky()
    PhotometryReducedDatum.objects.create(
        target=sky.target, timestamp=rows.NIGHT, limit=21.25, bandpass="i"
    )
    click = download(door, sky)
    browser = Client()
    browser.force_login(sky.owner)
    request = RequestFactory().post(click.address, click.fields)
    request.user = sky.owner
    of_host = HostDataShareView.as_view()(request, tg_pk=sky.target.pk)

    answer = browser.post(click.address, click.fields)

    assert answer["Content-Disposition"] == of_host["Content-Disposition"]
    assert answer["Content-Type"] == of_host["Content-Type"]
    assert body(answer) == body(of_host)
    assert not Share.objects.exists()


def test_an_anonymous_visitor_gets_the_data_of_open_targets() -> None:
    sky = clicks.sky(permissions="OPEN")
    click = download(clicks.on_photometry, sky)

    answer = Client().post(click.address, click.fields)

    assert len(body(answer).splitlines()) >= 1 + len(sky.points)


@pytest.mark.parametrize("permissions", ["PRIVATE", "PUBLIC"])
def test_an_anonymous_visitor_gets_no_other_data(permissions: str) -> None:
    sky = clicks.sky(permissions=permissions)
    click = download(clicks.on_photometry, sky)

    answer = Client().post(click.address, click.fields)

    assert answer.status_code == 302
    (message,) = get_messages(answer.wsgi_request)
    assert "you may download" in str(message)


@pytest.mark.parametrize(
    ("permissions", "count"), [("PRIVATE", 0), ("PUBLIC", 3), ("OPEN", 3)]
)
def test_who_is_logged_in_gets_what_the_targets_permissions_allow(
    permissions: str, count: int
) -> None:
    """Whatever target the address names: the points themselves decide."""
    theirs = clicks.sky(permissions=permissions)
    visitor = rows.person("visitor")
    own = rows.target(visitor, "SN 2026own")
    own_points = rows.photometry(own, 1, first=11.0)
    browser = Client()
    browser.force_login(visitor)
    click = download(clicks.on_photometry, theirs).but(
        share__box=[*own_points, *theirs.points]
    )

    answer = browser.post(click.address, click.fields)

    lines = body(answer).decode().splitlines()
    assert sum("Sinistro" in line for line in lines) == 1 + count


def test_where_targets_do_not_decide_each_data_point_needs_its_permission(
    settings: Any,
) -> None:
    sky = clicks.sky()
    settings.TARGET_PERMISSIONS_ONLY = False
    datum = PhotometryReducedDatum.objects.get(pk=sky.points[0])
    assign_perm("tom_dataproducts.view_photometryreduceddatum", sky.owner, datum)
    browser = Client()
    browser.force_login(sky.owner)
    click = download(clicks.on_photometry, sky)

    answer = browser.post(click.address, click.fields)

    assert body(answer).decode().count("Sinistro") == 1


@both_doors
def test_a_download_of_nothing_is_answered_in_words(door: Door) -> None:
    sky = clicks.sky()
    browser = Client()
    browser.force_login(sky.owner)
    click = download(door, sky).but(share__box=None)

    answer = browser.post(click.address, click.fields)

    assert answer.status_code == 302
    (message,) = get_messages(answer.wsgi_request)
    assert "No data point is selected" in str(message)
