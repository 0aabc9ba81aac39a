"""Rights that are withdrawn between asking, planning and sending, and given back."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from guardian.shortcuts import assign_perm, remove_perm
from tom_dataproducts.models import PhotometryReducedDatum

from tests.support import rows
from tests.support.remote_tom import RemoteTom
from tom_share_worker.delivery import actions
from tom_share_worker.delivery.asking import outbox
from tom_share_worker.delivery.ledger import Fate, Ledger
from tom_share_worker.delivery.planning import planner
from tom_share_worker.delivery.sending import sender
from tom_share_worker.models import Delivery, Failure, Share

pytestmark = pytest.mark.django_db(transaction=True)

VIEW_POINT = "tom_dataproducts.view_photometryreduceddatum"
VIEW_PRODUCT = "tom_dataproducts.view_dataproduct"


@pytest.fixture(autouse=True)
def _remote(settings: Any, remote: RemoteTom) -> None:
    settings.DATA_SHARING = {"partner": remote.entry(DISPLAY_NAME="Partner TOM")}
    remote.store.add_target("SN A")


@pytest.fixture
def team(settings: Any) -> Group:
    """The group whose members may share with the partner."""
    entry = settings.DATA_SHARING["partner"]
    settings.DATA_SHARING = {"partner": entry | {"GROUPS": ["Bulge team"]}}
    return Group.objects.create(name="Bulge team")


@pytest.fixture
def owner() -> User:
    return rows.person()


def planned(share: Share) -> Share:
    planner.plan(share.pk)
    share.refresh_from_db()
    return share


def sent(share: Share) -> Delivery:
    sender.send(share.deliveries.get().pk)
    share.refresh_from_db()
    return share.deliveries.get()


def test_who_left_the_group_before_planning_shares_nothing_until_back(
    team: Group, owner: User
) -> None:
    target = rows.target(owner, "SN A")
    rows.photometry(target, 1)
    owner.groups.add(team)
    share = outbox.share_target_data(owner, "partner", target)
    owner.groups.clear()

    planned(share)

    assert share.status == Share.Status.FAILED
    assert share.note.startswith(
        "Nothing was shared. Only members of the group Bulge team may share with "
        "Partner TOM."
    )
    assert not share.deliveries.exists()

    owner.groups.add(team)
    actions.retry_share(share)
    planned(share)
    assert sent(share).status == Delivery.Status.DELIVERED


def test_who_left_the_group_before_sending_sends_nothing_until_back(
    team: Group, owner: User, remote: RemoteTom
) -> None:
    target = rows.target(owner, "SN A")
    rows.photometry(target, 1)
    owner.groups.add(team)
    share = planned(outbox.share_target_data(owner, "partner", target))
    owner.groups.clear()

    row = sent(share)

    assert (row.status, row.failure) == (Delivery.Status.FAILED, Failure.NOT_PERMITTED)
    assert row.note.startswith("Only members of the group Bulge team")
    assert remote.requests == []

    owner.groups.add(team)
    actions.retry_share(share)
    assert sent(share).status == Delivery.Status.DELIVERED


def test_groups_that_are_set_later_hold_back_what_was_asked_before(
    settings: Any, owner: User, remote: RemoteTom
) -> None:
    target = rows.target(owner, "SN A")
    rows.photometry(target, 1)
    share = planned(outbox.share_target_data(owner, "partner", target))
    entry = settings.DATA_SHARING["partner"]
    settings.DATA_SHARING = {"partner": entry | {"GROUPS": ["Others"]}}

    assert sent(share).failure == Failure.NOT_PERMITTED
    assert remote.requests == []


def test_a_stricter_permission_holds_back_what_was_asked_before(
    settings: Any, remote: RemoteTom
) -> None:
    viewer = rows.person("viewer")
    target = rows.target(rows.person(), "SN A", permissions="PUBLIC")
    rows.photometry(target, 1)
    first = planned(outbox.share_target_data(viewer, "partner", target))
    second = outbox.share_target_data(viewer, "partner", target)
    settings.TOM_SHARE_WORKER = {"SHARE_PERMISSION": "change_target"}

    row = sent(first)
    planned(second)

    assert (row.status, row.failure) == (Delivery.Status.FAILED, Failure.NOT_PERMITTED)
    assert row.note == "The person who asked for it may no longer share SN A."
    assert not second.deliveries.exists()
    assert remote.requests == []


def test_a_data_point_that_one_may_no_longer_view_is_refused_and_the_rest_goes(
    settings: Any, owner: User, remote: RemoteTom
) -> None:
    settings.TARGET_PERMISSIONS_ONLY = False
    target = rows.target(owner, "SN A")
    rows.photometry(target, 4)
    points = list(PhotometryReducedDatum.objects.order_by("pk"))
    for point in points:
        assign_perm(VIEW_POINT, owner, point)
    share = planned(outbox.share_target_data(owner, "partner", target))
    remove_perm(VIEW_POINT, owner, points[1])
    points[2].delete()

    row = sent(share)

    assert row.status == Delivery.Status.DELIVERED
    assert share.status == Share.Status.PARTLY
    magnitudes = rows.magnitudes(4)
    assert remote.store.magnitudes("SN A") == [magnitudes[0], magnitudes[3]]
    reasons = [reason for _, reason in Ledger(row.ledger).refused()]
    assert reasons[0] == (
        "The person who asked for it may no longer view this data point."
    )
    assert "deleted" in reasons[1]


def test_data_points_of_which_none_may_be_viewed_are_all_accounted_for(
    settings: Any, owner: User, remote: RemoteTom
) -> None:
    settings.TARGET_PERMISSIONS_ONLY = False
    target = rows.target(owner, "SN A")
    rows.photometry(target, 2)
    points = list(PhotometryReducedDatum.objects.all())
    for point in points:
        assign_perm(VIEW_POINT, owner, point)
    share = planned(outbox.share_target_data(owner, "partner", target))
    for point in points:
        remove_perm(VIEW_POINT, owner, point)

    row = sent(share)

    assert row.status == Delivery.Status.FAILED
    assert {fate for _, _, fate, _ in row.ledger} == {Fate.REFUSED}
    assert remote.store.magnitudes("SN A") == []


def test_a_product_that_one_may_no_longer_view_stays_here(
    settings: Any, owner: User, remote: RemoteTom
) -> None:
    settings.TARGET_PERMISSIONS_ONLY = False
    product = rows.product(rows.target(owner, "SN A"))
    assign_perm(VIEW_PRODUCT, owner, product)
    share = planned(outbox.share_data_product(owner, "partner", product))
    remove_perm(VIEW_PRODUCT, owner, product)

    row = sent(share)

    assert (row.status, row.failure) == (Delivery.Status.FAILED, Failure.NOT_PERMITTED)
    assert "may no longer view the data product" in row.note
    assert remote.requests == []
