"""A share's status follows from its deliveries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import rows
from tom_share_worker.delivery import closing
from tom_share_worker.models import Delivery, Failure, Share

S, D = Share.Status, Delivery.Status


@pytest.mark.parametrize(
    ("planned", "deliveries", "refused", "status"),
    [
        (False, {}, 0, S.QUEUED),
        (False, {D.DELIVERED: 2}, 0, S.RUNNING),
        (True, {D.QUEUED: 1, D.DELIVERED: 2}, 0, S.RUNNING),
        (True, {D.SENDING: 1, D.FAILED: 2}, 0, S.RUNNING),
        (True, {D.DELIVERED: 3}, 0, S.DELIVERED),
        (True, {D.DELIVERED: 3}, 1, S.PARTLY),
        (True, {D.DELIVERED: 2, D.FAILED: 1}, 0, S.PARTLY),
        (True, {D.DELIVERED: 2, D.CANCELLED: 1}, 0, S.PARTLY),
        (True, {D.FAILED: 2}, 0, S.FAILED),
        (True, {D.FAILED: 1, D.CANCELLED: 1}, 0, S.FAILED),
        (True, {D.CANCELLED: 2}, 0, S.CANCELLED),
        (True, {}, 0, S.FAILED),
    ],
)
def test_the_status_of_a_share(
    planned: bool, deliveries: dict[str, int], refused: int, status: str
) -> None:
    assert closing.status_of(planned, deliveries, refused) == status


@given(
    st.booleans(),
    st.dictionaries(st.sampled_from(D.values), st.integers(1, 5)),
    st.integers(0, 3),
)
def test_a_share_has_ended_exactly_when_nothing_is_under_way(
    planned: bool, deliveries: dict[str, int], refused: int
) -> None:
    status = closing.status_of(planned, deliveries, refused)

    under_way = deliveries.get(D.QUEUED, 0) + deliveries.get(D.SENDING, 0)
    assert (status in Share.ENDED) is (planned and not under_way)


@pytest.mark.django_db
@pytest.mark.parametrize("status", [D.FAILED, D.CANCELLED])
def test_data_end_with_their_target(status: str) -> None:
    owner = rows.person()
    share = rows.share(owner, target=rows.target(owner), planned=True)
    failure = Failure.AMBIGUOUS_TARGET if status == D.FAILED else ""
    target = rows.delivery(share, status=status, failure=failure)
    data = rows.delivery(share, after=target, photometry=[1])

    closing.settle_all()

    data.refresh_from_db()
    assert (data.status, data.failure) == (status, failure)
    assert "target itself did not arrive" in data.note
    share.refresh_from_db()
    assert share.status == (S.FAILED if status == D.FAILED else S.CANCELLED)


@pytest.mark.django_db
def test_a_share_that_has_ended_is_not_ended_again() -> None:
    owner = rows.person()
    share = rows.share(owner, target=rows.target(owner), planned=True)
    rows.delivery(share, status=D.DELIVERED)
    closing.settle(share.pk)
    share.refresh_from_db()
    ended = share.ended

    closing.settle(share.pk)
    closing.settle_all()

    share.refresh_from_db()
    assert share.ended == ended
