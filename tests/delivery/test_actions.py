"""The verbs of people: retry and cancel, within the legal states."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.delivery.asking import clicks
from tests.support import rows
from tom_share_worker.delivery import actions, gate
from tom_share_worker.delivery.ledger import Fate, Key, Ledger
from tom_share_worker.delivery.planning import planner
from tom_share_worker.delivery.planning.selection import Selection
from tom_share_worker.delivery.sending import claims
from tom_share_worker.models import Delivery, Destination, Failure, Share

pytestmark = pytest.mark.django_db

LATER = timezone.now() + timedelta(hours=5)
D = Delivery.Status


@pytest.fixture(autouse=True)
def share(settings: Any) -> Share:
    """A planned share to a destination that exists."""
    settings.DATA_SHARING = {
        "partner": {"BASE_URL": "http://127.0.0.1:9/", "API_TOKEN": "t"}
    }
    owner = rows.person()
    return rows.share(
        owner, target=rows.target(owner), planned=True, status=Share.Status.RUNNING
    )


def test_what_failed_starts_its_schedule_anew(share: Share) -> None:
    failed = rows.delivery(
        share,
        status=D.FAILED,
        failure=Failure.DESTINATION_DOWN,
        attempt_count=12,
        lost_count=2,
        ended=timezone.now(),
    )
    Share.objects.filter(pk=share.pk).update(status=Share.Status.FAILED)

    assert actions.retry(share.deliveries.all()) == 1

    failed.refresh_from_db()
    assert (failed.status, failed.failure, failed.ended) == (D.QUEUED, "", None)
    assert (failed.attempt_count, failed.lost_count) == (0, 0)
    share.refresh_from_db()
    assert (share.status, share.ended) == (Share.Status.RUNNING, None)


def test_what_waits_for_its_time_goes_at_once(share: Share) -> None:
    waiting = rows.delivery(share, next_attempt_at=LATER, attempt_count=3)

    assert actions.retry(share.deliveries.all()) == 1

    waiting.refresh_from_db()
    assert waiting.next_attempt_at <= timezone.now()


@pytest.mark.parametrize("status", [D.SENDING, D.DELIVERED])
def test_what_is_under_way_or_has_arrived_is_not_sent_again(
    share: Share, status: str
) -> None:
    row = rows.delivery(share, status=status, photometry=[1])

    assert actions.retry(share.deliveries.all()) == 0

    row.refresh_from_db()
    assert row.status == status


def test_of_a_delivered_batch_only_what_was_refused_is_sent_again(
    share: Share,
) -> None:
    ledger = Ledger.of([Key("photometry", 1), Key("photometry", 2)])
    ledger.settle(Key("photometry", 1), Fate.DELIVERED)
    ledger.settle(Key("photometry", 2), Fate.REFUSED, "Its brightness is nan.")
    row = rows.delivery(
        share, status=D.DELIVERED, photometry=[1, 2], ledger=ledger.rows()
    )
    Delivery.objects.filter(pk=row.pk).update(**ledger.counts())

    assert actions.retry(share.deliveries.all()) == 1

    row.refresh_from_db()
    assert Ledger(row.ledger).pending() == [Key("photometry", 2)]
    assert (row.delivered_count, row.refused_count) == (1, 0)


def test_retry_opens_a_destination_that_this_app_closed(share: Share) -> None:
    rows.delivery(share, next_attempt_at=LATER)
    gate.pause("partner", "Our account was refused.")

    actions.retry(share.deliveries.all())

    state = Destination.objects.get(key="partner")
    assert (state.paused, state.retry_at) == (False, None)


def test_retry_leaves_a_destination_closed_that_a_person_closed(share: Share) -> None:
    rows.delivery(share, next_attempt_at=LATER)
    gate.pause("partner", "They are moving house.", by=share.user)

    actions.retry(share.deliveries.all())

    assert Destination.objects.get(key="partner").paused


def test_a_share_that_came_to_nothing_is_planned_anew(share: Share) -> None:
    planner.plan(share.pk)
    actions.cancel_share(share)
    share.refresh_from_db()
    assert share.is_ended
    assert share.target is not None
    rows.photometry(share.target, 3)

    actions.retry_share(share)
    planner.plan(share.pk)

    assert share.deliveries.get().datum_count == 3


def test_cancel_ends_what_has_not_arrived_and_nothing_else(share: Share) -> None:
    made = {
        status: rows.delivery(share, status=status)
        for status in (D.QUEUED, D.SENDING, D.DELIVERED, D.FAILED)
    }

    assert actions.cancel_share(share) == 2

    found = {before: Delivery.objects.get(pk=row.pk) for before, row in made.items()}
    assert found[D.QUEUED].status == found[D.SENDING].status == D.CANCELLED
    assert found[D.QUEUED].note == "Cancelled by a person."
    assert found[D.DELIVERED].status == D.DELIVERED
    assert found[D.FAILED].status == D.FAILED
    share.refresh_from_db()
    assert share.status == Share.Status.PARTLY


def test_a_share_cancelled_while_it_is_planned_is_planned_to_its_end_by_retry(
    share: Share, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TOM_SHARE_WORKER = {"BATCH_SIZE": 2}
    monkeypatch.setattr(planner, "CHUNK", 2)
    assert share.target is not None
    pks = rows.photometry(share.target, 9)
    Share.objects.filter(pk=share.pk).update(planned=False)
    share.refresh_from_db()
    planner._plan_chunk(share, Selection(share))
    actions.cancel_share(share)
    planner.plan(share.pk)
    assert share.deliveries.count() == 2

    share.refresh_from_db()
    actions.retry_share(share)
    planner.plan(share.pk)

    keys = [k for row in share.deliveries.all() for k in Ledger(row.ledger).pending()]
    assert [key.pk for key in keys] == pks
    assert set(share.deliveries.values_list("status", flat=True)) == {D.QUEUED}


def test_a_claim_that_was_cancelled_is_not_ours_any_more(share: Share) -> None:
    row = rows.delivery(share)
    claim = claims.claim(row.pk)
    assert claim is not None

    actions.cancel(share.deliveries.all())

    assert not claims.ours(claim).exists()


def test_a_pause_of_an_administrator_outlasts_the_administrators_account(
    share: Share,
) -> None:
    rows.delivery(share, status=Delivery.Status.FAILED)
    keeper = rows.person("keeper")
    actions.pause("partner", keeper, "Paused by keeper.")
    keeper.delete()

    actions.retry_share(share)

    assert Destination.objects.get(key="partner").paused


@pytest.mark.parametrize("destination", ["partner", "hermes:survey.test"])
def test_a_share_that_is_planned_to_its_end_meanwhile_is_not_planned_twice(
    settings: Any, destination: str
) -> None:
    settings.DATA_SHARING = clicks.SHARING
    owner = rows.person("somebody")
    target = rows.target(owner, "another")
    rows.photometry(target, 30)
    share = rows.share(owner, target=target, destination=destination)
    seen_by_the_person = Share.objects.get(pk=share.pk)
    planner.plan(share.pk)

    actions.retry_share(seen_by_the_person)
    planner.plan(share.pk)

    assert share.deliveries.count() == 1
