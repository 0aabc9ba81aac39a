"""What of a share is planned: the selected, as far as its owner may see it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.support import rows
from tom_share_worker.delivery.ledger import Key, Ledger
from tom_share_worker.delivery.planning import planner
from tom_share_worker.exceptions import ConfigurationError
from tom_share_worker.models import Delivery, Share

pytestmark = pytest.mark.django_db


def planned(share: Share) -> list[Delivery]:
    """Return the deliveries of a share in their order."""
    return list(share.deliveries.order_by("position"))


def keys_of(deliveries: list[Delivery]) -> list[Key]:
    """Return the data points of deliveries in their order."""
    return [key for row in deliveries for key in Ledger(row.ledger).pending()]


def test_only_what_is_selected_goes() -> None:
    owner = rows.person()
    target = rows.target(owner)
    pks = rows.photometry(target, 6)
    share = rows.share(
        owner,
        kind=Share.Kind.TARGET,
        target=target,
        selection={"photometry": pks[1:3]},
    )

    planner.plan(share.pk)

    found = planned(share)
    assert [row.kind for row in found] == [Delivery.Kind.TARGET, Delivery.Kind.DATUMS]
    assert keys_of(found) == [Key("photometry", pk) for pk in pks[1:3]]


def test_what_is_not_for_the_owner_to_see_is_left_out_and_said_so() -> None:
    owner, other = rows.person(), rows.person("somebody else")
    seen, hidden = rows.target(owner, "seen"), rows.target(other, "hidden")
    share = rows.share(
        owner,
        kind=Share.Kind.TARGET_LIST,
        target_list=rows.target_list("Survey", seen, hidden),
    )

    planner.plan(share.pk)

    assert [row.target_name for row in planned(share)] == ["seen"]
    share.refresh_from_db()
    assert share.note.startswith("1 target was left out")


def test_selected_data_that_are_gone_or_hidden_are_counted_in_the_note() -> None:
    owner, other = rows.person(), rows.person("somebody else")
    pks = rows.photometry(rows.target(owner), 2)
    hidden = rows.photometry(rows.target(other, "hidden"), 2)
    share = rows.share(
        owner,
        kind=Share.Kind.DATUMS,
        selection={"photometry": [*pks, *hidden, 999_999]},
    )

    planner.plan(share.pk)

    assert keys_of(planned(share)) == [Key("photometry", pk) for pk in pks]
    share.refresh_from_db()
    assert "3 selected data points were left out" in share.note


def test_a_share_of_nothing_ends_at_once_and_says_so() -> None:
    owner = rows.person()
    share = rows.share(owner, target=rows.target(owner))

    planner.plan(share.pk)

    share.refresh_from_db()
    assert share.status == Share.Status.FAILED
    assert "nothing to share" in share.note


def test_a_share_whose_owner_is_gone_sends_nothing() -> None:
    owner = rows.person()
    target = rows.target(owner)
    rows.photometry(target, 3)
    share = rows.share(owner, target=target)
    owner.delete()

    planner.plan(share.pk)

    share.refresh_from_db()
    assert not share.deliveries.exists()
    assert share.status == Share.Status.FAILED
    assert "no longer has an account" in share.note


def test_a_passing_fault_does_not_fail_a_share_that_waited_long(
    settings: Any,
) -> None:
    owner = rows.person()
    share = rows.share(owner, target=rows.target(owner))
    yesterday = timezone.now() - timedelta(days=1)
    Share.objects.filter(pk=share.pk).update(created=yesterday)
    settings.TOM_SHARE_WORKER = {"BATCH_SIZE": 0}  # as if somebody edits the settings

    with pytest.raises(ConfigurationError):
        planner.plan(share.pk)

    share.refresh_from_db()
    assert share.status == Share.Status.QUEUED
    assert "ConfigurationError" in share.note


def test_a_share_whose_planning_fails_for_an_hour_ends_and_says_so(
    settings: Any,
) -> None:
    owner = rows.person()
    share = rows.share(owner, target=rows.target(owner))
    settings.TOM_SHARE_WORKER = {"BATCH_SIZE": 0}
    long_ago = timezone.now() - timedelta(hours=2)
    Share.objects.filter(pk=share.pk).update(plan_failing_since=long_ago)

    with pytest.raises(ConfigurationError):
        planner.plan(share.pk)

    share.refresh_from_db()
    assert share.status == Share.Status.FAILED
