"""What a parcel of data points knows besides them: signs for whoever sends it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.support import rows
from tom_share_worker.delivery import parcels
from tom_share_worker.delivery.parcels import STUBBORN_ATTEMPTS, DatumsParcel
from tom_share_worker.models import Attempt, Delivery, Share

pytestmark = pytest.mark.django_db


@pytest.fixture
def batch() -> Delivery:
    """A batch that was tried five times; a person began it anew after the first."""
    owner = rows.person()
    target = rows.target(owner)
    share = rows.share(owner, target=target)
    made = rows.delivery(
        share, target=target, photometry=rows.photometry(target, 2), attempt_count=4
    )
    for number in range(1, 6):
        began = timezone.now() - timedelta(hours=10 - number)
        Attempt.objects.create(
            delivery=made, number=number, started=began, ended=began, claim="c"
        )
    return made


def loaded(delivery: Delivery) -> DatumsParcel:
    found = parcels.load(delivery)
    assert isinstance(found, DatumsParcel)
    return found


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ({}, True),
        ({"delivered_count": 0}, False),
        ({"status": Delivery.Status.FAILED}, False),
        ({"destination": "elsewhere"}, False),
        ({"ended": timedelta(hours=8, minutes=30)}, False),
    ],
    ids=["arrived", "nothing stored", "failed", "elsewhere", "before we began anew"],
)
def test_others_arrive_if_data_points_were_stored_there_since_our_first_attempt(
    batch: Delivery, change: dict[str, Any], seen: bool
) -> None:
    ended = timezone.now() - change.pop("ended", timedelta(hours=1))
    columns: dict[str, Any] = {"status": Delivery.Status.DELIVERED}
    columns |= {"delivered_count": 3, "ended": ended, "position": 7, **change}
    rows.delivery(batch.share, target=batch.target, **columns)

    assert loaded(batch).others_arrive is seen


def test_early_attempts_do_not_ask_for_it(batch: Delivery) -> None:
    """The answer may cost a look at everything that was ever delivered there."""
    columns = {"status": Delivery.Status.DELIVERED, "ended": timezone.now()}
    rows.delivery(batch.share, target=batch.target, delivered_count=3, **columns)
    batch.attempt_count = STUBBORN_ATTEMPTS - 1

    assert not loaded(batch).others_arrive


@pytest.mark.parametrize(
    ("origin", "looks"),
    [(Share.Origin.PERSISTENT_SHARE, True), (Share.Origin.FORM, False)],
)
def test_what_is_shared_continuously_is_looked_for_first(
    batch: Delivery, origin: str, looks: bool
) -> None:
    batch.share.origin = origin

    assert loaded(batch).look_first is looks
