"""A click on much: packed into few fields, and as cheap as a click on little."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.delivery.asking import clicks
from tests.delivery.asking.clicks import Click, Sky
from tests.support import rows
from tom_share_worker.models import Share

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _destinations(settings: Any) -> None:
    settings.DATA_SHARING = clicks.SHARING


def test_packed_data_points_count_like_ticked_ones(sky: Sky, browser: Client) -> None:
    first, *others = sky.points
    packed = ",".join(map(str, others))
    click = clicks.on_target(sky).but(share__box=[first], share__box__ids=packed)

    browser.post(click.address, click.fields)

    assert Share.objects.get().selection == {"photometry": sky.points}


def test_a_thousand_targets_fit_into_one_packed_field(
    sky: Sky, browser: Client, settings: Any
) -> None:
    chosen = list(range(1, settings.DATA_UPLOAD_MAX_NUMBER_FIELDS + 500))
    click = clicks.on_target_list(sky).but(
        selected__target=None, selected__target__ids=",".join(map(str, chosen))
    )

    browser.post(click.address, click.fields)

    assert Share.objects.get().selection == {"targets": chosen}


def test_the_number_of_queries_does_not_grow_with_the_list(
    sky: Sky, browser: Client
) -> None:
    whole = clicks.on_target_list(sky).but(isSelectAll="True", selected__target=None)
    one = _queries(browser, whole)

    _fill(sky, 1000)

    assert _queries(browser, whole) == one
    chosen = ",".join(str(pk) for pk in range(1, 1000))
    assert _queries(browser, whole.but(selected__target__ids=chosen)) == one


def test_the_number_of_queries_does_not_grow_with_the_data(
    sky: Sky, browser: Client
) -> None:
    one = _queries(browser, clicks.on_photometry(sky))

    many = rows.photometry(rows.target(sky.owner, "SN 2026def"), 1000)

    packed = ",".join(map(str, many))
    click = clicks.on_photometry(sky).but(share__box__ids=packed)
    assert _queries(browser, click) == one


def _queries(browser: Client, click: Click) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        browser.post(click.address, click.fields)
    assert re.search(
        r"INSERT INTO .tom_share_worker_share.", str(captured.captured_queries)
    )
    return len(captured)


def _fill(sky: Sky, count: int) -> None:
    """Put so many more targets into the list."""
    model = type(sky.target)
    made = model.objects.bulk_create(
        model(
            name=f"Survey {n}", type="SIDEREAL", ra=1.0, dec=2.0, permissions="PUBLIC"
        )
        for n in range(count)
    )
    sky.target_list.targets.add(*made)
