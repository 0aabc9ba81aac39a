"""What changes between a click and the sending of it: moved, merged, no longer allowed.

Nothing may then go to a wrong target, or go for a person who may not view it any more.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from guardian.shortcuts import remove_perm
from tom_dataproducts.models import DataProduct, PhotometryReducedDatum

from tests.support import rows
from tests.support.remote_tom import RemoteTom
from tom_share_worker.delivery.ledger import Key, Ledger
from tom_share_worker.delivery.planning import planner
from tom_share_worker.delivery.sending import sender
from tom_share_worker.models import Delivery, Failure, Share

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _remote(settings: Any, remote: RemoteTom) -> None:
    settings.DATA_SHARING = {"partner": remote.entry()}
    remote.store.add_target("SN A")
    remote.store.add_target("SN B")


def planned(owner: User, **columns: Any) -> Share:
    """Return a share that was planned a moment ago."""
    share = rows.share(owner, **columns)
    planner.plan(share.pk)
    return share


def sent(share: Share) -> Delivery:
    """Try a share's one delivery; return its row."""
    sender.send(share.deliveries.get().pk)
    return share.deliveries.get()


def withdraw(owner: User, target: Any) -> None:
    """Take from a person every permission on a target."""
    for verb in ("view", "change", "delete"):
        remove_perm(f"tom_targets.{verb}_target", owner, target)


def deactivate(owner: User, _: Any) -> None:
    """Close an account without deleting it."""
    owner.is_active = False
    owner.save()


def delete(owner: User, _: Any) -> None:
    """Delete an account."""
    owner.delete()


def test_a_data_point_that_moved_to_another_target_is_not_sent_to_the_old_one(
    remote: RemoteTom,
) -> None:
    owner = rows.person()
    old, new = rows.target(owner, "SN A"), rows.target(owner, "SN B")
    moved, stayed = rows.photometry(old, 2)
    share = planned(owner, target=old)
    PhotometryReducedDatum.objects.filter(pk=moved).update(target=new.pk)

    sent(share)

    assert remote.store.magnitudes("SN A") == rows.magnitudes(2)[1:]
    assert remote.store.magnitudes("SN B") == []
    fates = {row[1]: row[2] for row in Ledger(share.deliveries.get().ledger).rows()}
    assert set(fates) == {moved, stayed}
    assert fates[moved] != fates[stayed]


def test_a_product_that_moved_to_another_target_is_refused_in_words(
    remote: RemoteTom,
) -> None:
    owner = rows.person()
    old, new = rows.target(owner, "SN A"), rows.target(owner, "SN B")
    product = rows.product(old)
    share = planned(
        owner, target=old, kind=Share.Kind.DATA_PRODUCT, data_product=product
    )
    DataProduct.objects.filter(pk=product.pk).update(target=new.pk)

    row = sent(share)

    assert (row.status, row.failure) == (Delivery.Status.FAILED, Failure.OUR_FAULT)
    assert "now belongs to another target" in row.note
    assert remote.store.products == []


@pytest.mark.parametrize("happens", [withdraw, deactivate, delete])
def test_nothing_is_sent_for_who_may_no_longer_view_it(
    remote: RemoteTom, happens: Any
) -> None:
    owner = rows.person()
    target = rows.target(owner, "SN A", permissions="PRIVATE")
    rows.photometry(target, 1)
    share = planned(owner, target=target)
    happens(owner, target)

    row = sent(share)

    assert (row.status, row.failure) == (Delivery.Status.FAILED, Failure.NOT_PERMITTED)
    assert row.note == "The person who asked for it may no longer view SN A."
    assert remote.requests == []


@pytest.mark.parametrize("permissions", ["OPEN", "PRIVATE"])
@pytest.mark.parametrize("happens", [deactivate, delete])
def test_nothing_is_planned_for_an_account_that_is_gone(
    happens: Any, permissions: str
) -> None:
    owner = rows.person()
    target = rows.target(owner, "SN A", permissions=permissions)
    rows.photometry(target, 1)
    share = rows.share(owner, target=target)
    happens(owner, target)

    planner.plan(share.pk)

    assert not share.deliveries.exists()
    share.refresh_from_db()
    assert share.status == Share.Status.FAILED
    assert share.note != ""


def test_a_target_that_was_merged_away_does_not_send_the_one_it_became() -> None:
    owner = rows.person()
    gone, kept = rows.target(owner, "SN A"), rows.target(owner, "SN B")
    ticked = rows.photometry(gone, 2)
    share = rows.share(
        owner,
        target=gone,
        kind=Share.Kind.TARGET,
        selection={"photometry": ticked},
    )
    PhotometryReducedDatum.objects.update(target=kept.pk)
    gone.delete()

    planner.plan(share.pk)

    assert not share.deliveries.exists()
    share.refresh_from_db()
    assert share.status == Share.Status.FAILED


def test_ticked_data_without_a_target_still_go_to_the_target_they_have() -> None:
    owner = rows.person()
    ticked = rows.photometry(rows.target(owner, "SN A"), 2)
    share = planned(owner, kind=Share.Kind.DATUMS, selection={"photometry": ticked})

    row = share.deliveries.get()

    assert row.target_name == "SN A"
    assert Ledger(row.ledger).pending() == [Key("photometry", pk) for pk in ticked]
