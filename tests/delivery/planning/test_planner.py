"""A share becomes deliveries: in chunks, once, a target before its data."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from tom_dataproducts.models import ReducedDatum, SpectroscopyReducedDatum

from tests.support import rows
from tom_share_worker.delivery.ledger import Key, Ledger
from tom_share_worker.delivery.planning import planner
from tom_share_worker.delivery.planning.selection import Selection
from tom_share_worker.models import Delivery, Share

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _small_batches(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.TOM_SHARE_WORKER = {"BATCH_SIZE": 3}
    monkeypatch.setattr(planner, "CHUNK", 2)


def planned(share: Share) -> list[Delivery]:
    """Return the deliveries of a share in their order."""
    return list(share.deliveries.order_by("position"))


def keys_of(deliveries: list[Delivery]) -> list[Key]:
    """Return the data points of deliveries in their order."""
    return [key for row in deliveries for key in Ledger(row.ledger).pending()]


def list_share(targets: int, photometry: int, **columns: Any) -> Share:
    """Return a share of a list of targets with data."""
    owner = rows.person()
    made = [rows.target(owner, f"SN {n}") for n in range(targets)]
    for target in made:
        rows.photometry(target, photometry)
    return rows.share(
        owner,
        kind=Share.Kind.TARGET_LIST,
        target_list=rows.target_list("Survey", *made),
        with_data=True,
        **columns,
    )


def test_data_go_in_batches_and_each_point_in_one_of_them() -> None:
    owner = rows.person()
    target = rows.target(owner)
    pks = rows.photometry(target, 10)
    share = rows.share(owner, target=target)

    planner.plan(share.pk)

    found = planned(share)
    assert [row.datum_count for row in found] == [3, 3, 3, 1]
    assert keys_of(found) == [Key("photometry", pk) for pk in pks]
    assert [row.position for row in found] == [0, 1, 2, 3]
    share.refresh_from_db()
    assert share.planned
    assert share.status == Share.Status.RUNNING


def test_every_kind_of_data_is_planned() -> None:
    owner = rows.person()
    target = rows.target(owner)
    rows.photometry(target, 1)
    common = {"target": target, "timestamp": rows.NIGHT}
    SpectroscopyReducedDatum.objects.create(flux=[1.0], wavelength=[1.0], **common)
    ReducedDatum.objects.create(data_type="polarimetry", value={"q": 1}, **common)
    share = rows.share(owner, target=target)

    planner.plan(share.pk)

    kinds = {key.kind for key in keys_of(planned(share))}
    assert kinds == {"photometry", "spectroscopy", "generic"}


def test_a_target_goes_before_its_data() -> None:
    share = list_share(targets=3, photometry=4)

    planner.plan(share.pk)

    found = planned(share)
    assert len(found) == 9
    for row in found:
        if row.kind == Delivery.Kind.DATUMS:
            assert row.after is not None
            assert row.after.kind == Delivery.Kind.TARGET
            assert row.after.target_id == row.target_id
            assert row.after.position < row.position


def test_planning_twice_changes_nothing() -> None:
    share = list_share(targets=3, photometry=4)
    planner.plan(share.pk)
    before = list(share.deliveries.values())

    planner.plan(share.pk)
    Share.objects.filter(pk=share.pk).update(status=Share.Status.RUNNING)
    planner.plan(share.pk)

    assert list(share.deliveries.values()) == before


def test_planning_goes_on_where_a_killed_worker_left_it() -> None:
    whole = list_share(targets=3, photometry=5)
    broken = Share.objects.create(
        **{
            field.attname: getattr(whole, field.attname)
            for field in Share._meta.concrete_fields
            if field.attname != "id"
        }
    )
    planner.plan(whole.pk)

    for _ in range(2):  # two chunks, and then the worker is gone
        broken.refresh_from_db()
        planner._plan_chunk(broken, Selection(broken))
    planner.plan(broken.pk)

    assert keys_of(planned(broken)) == keys_of(planned(whole))
    assert [r.kind for r in planned(broken)] == [r.kind for r in planned(whole)]
    assert all(
        row.after is None or row.after.share_id == broken.pk for row in planned(broken)
    )


@pytest.mark.django_db(transaction=True)
def test_two_workers_that_plan_at_once_plan_each_chunk_once() -> None:
    share = list_share(targets=6, photometry=7)

    def plan(_: int) -> None:
        try:
            planner.plan(share.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(plan, range(4)))
    planner.plan(share.pk)  # whoever came second left the rest to the first

    keys = keys_of(planned(share))
    assert len(keys) == len(set(keys)) == 42
    assert share.deliveries.filter(kind=Delivery.Kind.TARGET).count() == 6


def test_data_that_come_while_a_share_is_planned_do_not_shift_the_rest() -> None:
    owner = rows.person()
    target = rows.target(owner)
    pks = rows.photometry(target, 9)
    share = rows.share(owner, target=target)

    planner._plan_chunk(share, Selection(share))
    later = rows.photometry(rows.target(owner, "other"), 1)
    share.refresh_from_db()
    planner.plan(share.pk)

    assert keys_of(planned(share)) == [Key("photometry", pk) for pk in pks]
    assert later


def test_a_cancelled_share_is_planned_no_further() -> None:
    share = list_share(targets=4, photometry=4)
    planner._plan_chunk(share, Selection(share))
    Share.objects.filter(pk=share.pk).update(status=Share.Status.CANCELLED)

    planner.plan(share.pk)

    assert share.deliveries.count() == 2


def test_a_data_product_is_one_delivery() -> None:
    owner = rows.person()
    target = rows.target(owner)
    product = rows.product(target)
    share = rows.share(
        owner, kind=Share.Kind.DATA_PRODUCT, target=target, data_product=product
    )

    planner.plan(share.pk)

    [row] = planned(share)
    assert row.kind == Delivery.Kind.DATA_PRODUCT
    assert row.data_product_id == product.pk
    assert row.next_attempt_at <= timezone.now() + timedelta(seconds=1)


def test_a_share_that_does_not_exist_is_no_trouble() -> None:
    assert planner.plan(999_999)


@pytest.mark.parametrize("of_one_target", [True, False])
def test_a_selection_larger_than_one_query_may_name_is_planned(
    of_one_target: bool,
) -> None:
    owner = rows.person()
    first, second = rows.target(owner, "SN 1"), rows.target(owner, "SN 2")
    pks = rows.photometry(first, 4) + rows.photometry(second, 4)
    share = rows.share(
        owner,
        kind=Share.Kind.DATUMS,
        target=first if of_one_target else None,
        selection={"photometry": [*range(1_000_000, 1_040_000), *pks]},
    )

    planner.plan(share.pk)

    share.refresh_from_db()
    expected = pks[:4] if of_one_target else pks
    assert [key.pk for key in keys_of(planned(share))] == expected
    assert share.note.startswith(f"{40_008 - len(expected)} selected data points were")
