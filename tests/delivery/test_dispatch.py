"""The one gate: due, target arrived, destination open, slot free."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.support import rows
from tom_share_worker.delivery import dispatch, gate
from tom_share_worker.models import Delivery, Destination, Share, Worker

pytestmark = pytest.mark.django_db

ENTRY = {"BASE_URL": "http://127.0.0.1:9/", "API_TOKEN": "t", "SLOTS": 3}
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def share(settings: Any) -> Share:
    """A share to a destination with three slots that answered a moment ago."""
    settings.DATA_SHARING = {"partner": ENTRY, "other": ENTRY}
    owner = rows.person()
    made = rows.share(owner, target=rows.target(owner))
    for key in settings.DATA_SHARING:
        gate.state(key)
        gate.found_up(key)
    return made


def hinted() -> list[int]:
    """Return the deliveries that a worker was told of."""
    found = Delivery.objects.filter(hinted_at__isnull=False).order_by("pk")
    return list(found.values_list("pk", flat=True))


def test_as_many_are_hinted_at_as_have_a_slot_the_longest_waiting_first(
    share: Share,
) -> None:
    now = timezone.now()
    ages = [3, 1, 5, 2, 4]
    made = [rows.delivery(share, next_attempt_at=now - age * HOUR) for age in ages]

    assert dispatch.dispatch("partner") == 3

    assert hinted() == sorted(made[n].pk for n in (2, 4, 0))


def test_what_is_under_way_or_hinted_at_takes_a_slot(share: Share) -> None:
    rows.delivery(share, status=Delivery.Status.SENDING)
    rows.delivery(share, hinted_at=timezone.now())
    rows.delivery(share)
    rows.delivery(share)

    assert dispatch.dispatch("partner") == 1
    assert dispatch.dispatch("partner") == 0


def test_a_hint_without_a_claim_counts_as_lost_after_a_while(share: Share) -> None:
    long_ago = timezone.now() - dispatch.HINT_LIFETIME - timedelta(seconds=1)
    delivery = rows.delivery(share, hinted_at=long_ago)

    assert dispatch.dispatch("partner") == 1

    delivery.refresh_from_db()
    assert delivery.hinted_at is not None
    assert delivery.hinted_at > long_ago


@pytest.mark.parametrize(
    "columns",
    [
        {"status": Delivery.Status.SENDING},
        {"status": Delivery.Status.DELIVERED},
        {"status": Delivery.Status.FAILED},
        {"status": Delivery.Status.CANCELLED},
        {"next_attempt_at": timezone.now() + HOUR},
        {"destination": "other"},
    ],
    ids=["sending", "delivered", "failed", "cancelled", "not due", "elsewhere"],
)
def test_only_what_is_due_there_is_hinted_at(
    share: Share, columns: dict[str, Any]
) -> None:
    rows.delivery(share, **columns)

    assert dispatch.dispatch("partner") == 0


@pytest.mark.parametrize(
    ("status", "count"),
    [("queued", 0), ("sending", 0), ("failed", 0), ("cancelled", 0), ("delivered", 1)],
)
def test_data_wait_until_their_target_has_arrived(
    share: Share, status: str, count: int
) -> None:
    target = rows.delivery(share, status=status, next_attempt_at=timezone.now() + HOUR)
    rows.delivery(share, after=target, photometry=[1])

    assert dispatch.dispatch("partner") == count


@pytest.mark.parametrize(
    "columns",
    [{"paused": True}, {"retry_at": timezone.now() + HOUR}],
    ids=["paused", "backing off"],
)
def test_nothing_is_hinted_at_while_a_destination_is_not_open(
    share: Share, columns: dict[str, Any]
) -> None:
    rows.delivery(share)
    rows.delivery(share, destination="other")
    Destination.objects.filter(key="partner").update(**columns)

    assert dispatch.dispatch_all() == 1
    assert Delivery.objects.get(hinted_at__isnull=False).destination == "other"


def test_each_destination_has_its_own_slots(share: Share) -> None:
    for key in ("partner", "other"):
        for _ in range(5):
            rows.delivery(share, destination=key)

    assert dispatch.dispatch_all() == 6


def test_a_destination_that_left_the_settings_still_gets_its_turn(
    share: Share, settings: Any
) -> None:
    settings.DATA_SHARING = {}
    rows.delivery(share)

    assert dispatch.dispatch_all() == 1


@pytest.mark.parametrize("newest_first", [False, True])
def test_what_was_asked_for_last_goes_first_where_the_settings_say_so(
    share: Share, settings: Any, newest_first: bool
) -> None:
    settings.DATA_SHARING = {"partner": {**ENTRY, "NEWEST_FIRST": newest_first}}
    newer = rows.share(rows.person(), target=share.target)
    now = timezone.now()
    old = [rows.delivery(share, next_attempt_at=now - HOUR) for _ in range(3)]
    target = rows.delivery(newer)
    data = rows.delivery(newer, after=target, photometry=[1])
    others = [rows.delivery(newer) for _ in range(2)]

    dispatch.dispatch("partner")

    first = [target, *others] if newest_first else old
    assert hinted() == [delivery.pk for delivery in first]
    assert data.pk not in hinted()


def test_a_low_rate_lowers_the_slots(share: Share, settings: Any) -> None:
    settings.DATA_SHARING = {"partner": {**ENTRY, "MAX_PER_SECOND": 10}}
    for _ in range(3):
        rows.delivery(share)

    assert dispatch.dispatch("partner") == 1


def test_slow_destinations_do_not_hold_every_thread(
    share: Share, settings: Any
) -> None:
    settings.TOM_SHARE_WORKER = {"CONCURRENCY": 8}
    for _ in range(6):
        rows.delivery(share, destination="other", status=Delivery.Status.SENDING)
    for _ in range(3):
        rows.delivery(share)

    # Three quarters of eight are held; the first of a destination always goes.
    assert dispatch.dispatch("partner") == 1
    now = timezone.now()
    for name in ("one", "two"):
        Worker.objects.create(name=name, started=now, seen=now)
    assert dispatch.dispatch("partner") == 2
