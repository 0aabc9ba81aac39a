"""What a person may retry, by query and by column alike."""

from __future__ import annotations

import pytest

from tests.support import rows
from tom_share_worker.models import Delivery, Failure
from tom_share_worker.models.retrying import RETRYABLE, has_failed, needs_retry

Status = Delivery.Status

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("status", Status.values)
@pytest.mark.parametrize("refused", [0, 2])
@pytest.mark.parametrize("failure", ["", Failure.DESTINATION_DOWN])
def test_the_condition_and_the_functions_say_the_same(
    status: str, refused: int, failure: str
) -> None:
    row = rows.delivery(
        rows.share(rows.person(), target=rows.target(rows.person())),
        status=status,
        refused_count=refused,
        failure=failure,
    )

    by_query = Delivery.objects.filter(RETRYABLE, pk=row.pk).exists()

    ended = status not in (Status.QUEUED, Status.SENDING)
    assert by_query is (ended and needs_retry(status, failure, refused))
    assert by_query is (has_failed(status, refused) or status == Status.CANCELLED)


@pytest.mark.parametrize(
    ("status", "failure", "needed"),
    [
        (Status.QUEUED, "", False),  # waits for its first attempt
        (Status.QUEUED, Failure.DESTINATION_DOWN, True),
        (Status.SENDING, Failure.DESTINATION_DOWN, False),
        (Status.DELIVERED, "", False),
        (Status.FAILED, Failure.OUR_FAULT, True),
        (Status.CANCELLED, "", True),
    ],
)
def test_there_is_a_reason_to_retry(status: str, failure: str, needed: bool) -> None:
    assert needs_retry(status, failure, 0) is needed


@pytest.mark.parametrize("status", Status.values)
def test_what_waits_for_one_that_refuses_us_is_opened_by_a_retry(status: str) -> None:
    waits = status == Status.QUEUED
    usual = needs_retry(status, "", 0)

    assert needs_retry(status, "", 0, refuses_us=True) is (usual or waits)


def test_refusals_within_a_delivered_batch_are_a_reason() -> None:
    assert needs_retry(Status.DELIVERED, "", 1)
    assert has_failed(Status.DELIVERED, 1)
