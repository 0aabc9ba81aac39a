"""A persistent share that is changed or deleted, and data that is saved meanwhile."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from tom_dataproducts.models import PhotometryReducedDatum
from tom_targets.models import PersistentShare, Target

from tests.delivery.asking import clicks
from tests.support import persistent as saved
from tests.support import rows
from tests.support.persistent import gather_later, the_share, waiting
from tom_share_worker.delivery import gate
from tom_share_worker.delivery.continuous import gathering, persistent
from tom_share_worker.delivery.planning import planner
from tom_share_worker.exceptions import ShareRefused
from tom_share_worker.models import SavedDatum, Share

pytestmark = pytest.mark.django_db

OTHER = clicks.PARTNER | {
    "DISPLAY_NAME": "Other TOM",
    "BASE_URL": "https://other.example/",
}


@pytest.fixture(autouse=True)
def sharing(settings: Any) -> None:
    settings.DATA_SHARING = clicks.SHARING | {"other": OTHER}


@pytest.fixture
def target() -> Target:
    return rows.target(rows.person())


def test_what_waits_for_one_destination_is_not_sent_to_another(target: Target) -> None:
    shared = saved.persistent_share(rows.person(), target)
    persistent.pause(shared, rows.person())
    saved.save_photometry(target, 3)

    with pytest.raises(ShareRefused, match="3 data points wait"):
        persistent.change(shared, rows.person(), "other", target)

    shared.refresh_from_db()
    assert shared.destination == "partner"
    assert len(waiting(shared)) == 3


def test_what_waits_for_one_target_is_not_dropped_by_a_change(target: Target) -> None:
    shared = saved.persistent_share(rows.person(), target)
    saved.save_photometry(target, 1)
    another = rows.target(rows.person(), "another")

    with pytest.raises(ShareRefused, match="1 data point waits"):
        persistent.change(shared, rows.person(), "partner", another)

    assert gather_later() == 1
    persistent.change(shared, rows.person(), "partner", another)
    assert the_share().target_id == target.pk


def test_a_new_destination_does_not_wait_for_the_old_one(target: Target) -> None:
    shared = persistent.make(rows.person(), "partner", target, existing=True)
    planner.plan(Share.objects.get().pk)
    gate.pause("partner", "moved away", rows.person())

    persistent.change(shared, rows.person(), "other", target)
    saved.save_photometry(target, 1)

    assert gather_later(3600) == 1


@pytest.mark.parametrize(
    ("location", "shared"),
    [
        ("https://obs.example/survey/data/17/", 1),
        ("https://obs.example/third/api/reduceddatums/4/", 1),
        ("https://obs.example/api/reduceddatums/4/", 0),
    ],
)
def test_toms_below_one_address_are_told_apart(
    settings: Any, target: Target, location: str, shared: int
) -> None:
    settings.DATA_SHARING = {
        "main": clicks.PARTNER | {"BASE_URL": "https://obs.example/"},
        "third": clicks.PARTNER | {"BASE_URL": "https://obs.example/third"},
    }
    settings.TOM_SHARE_WORKER = {"PUBLIC_URL": "https://obs.example/survey/"}
    saved.persistent_share(rows.person(), target, "main")

    saved.save_photometry(target, 1, source_name="Pipeline", source_location=location)

    assert gather_later() == shared
    assert not SavedDatum.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_saving_survives_a_persistent_share_that_is_deleted_meanwhile(
    target: Target,
) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    shared = saved.persistent_share(rows.person(), target)

    def delete() -> None:
        try:
            PersistentShare.objects.get(pk=shared.pk).delete()
        finally:
            connection.close()

    with transaction.atomic(), ThreadPoolExecutor(1) as pool:
        saved.save_photometry(target, 5)
        pool.submit(delete).result(timeout=20)

    assert PhotometryReducedDatum.objects.count() == 5
    assert gather_later() == 0
    gathering.drop_orphans()
    assert not SavedDatum.objects.exists()
