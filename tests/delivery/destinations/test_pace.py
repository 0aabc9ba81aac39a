"""The pace of requests: within the destination's rate, and quick to stop."""

from __future__ import annotations

import time

import pytest

from tests.support.conversations import (
    NAME,
    datums_parcel,
    deliver,
    photometry,
    settings_of,
)
from tests.support.remote_tom import RemoteTom
from tom_share_worker.delivery.destinations import pace
from tom_share_worker.delivery.outcomes import Delivered, Interrupted


@pytest.mark.parametrize(
    ("own", "rate", "expected"),
    [(4, None, 4), (4, 1, 1), (4, 25, 1), (4, 26, 2), (4, 1000, 4), (1, 100, 1)],
)
def test_a_low_rate_needs_few_slots(
    remote: RemoteTom, own: int, rate: float | None, expected: int
) -> None:
    settings = settings_of(remote, slots=own, max_per_second=rate)

    assert pace.slots(settings) == expected


@pytest.mark.parametrize(("rate", "slots"), [(20, 4), (60, 3)])
def test_each_request_keeps_its_distance_the_trade_of_a_token_too(
    remote: RemoteTom, rate: int, slots: int
) -> None:
    remote.store.add_target(NAME)
    parcel = datums_parcel(*map(photometry, range(8)))
    begun = time.monotonic()

    outcome, _ = deliver(remote, parcel, max_per_second=rate, slots=slots)

    assert isinstance(outcome, Delivered)
    lanes = pace.slots(settings_of(remote, max_per_second=rate, slots=slots))
    distance = lanes / rate
    assert remote.asked("POST", "/api/token-auth/")
    # Lower bounds only: what is slow is slow enough. The first may have come late.
    least = distance * (len(remote.requests) - 2)
    assert remote.requests[-1].time - remote.requests[0].time > least
    assert remote.requests[0].time - begun >= distance


def test_without_a_rate_nothing_waits(remote: RemoteTom) -> None:
    def must_not_be_asked() -> bool:
        raise AssertionError

    pace.Pace(settings_of(remote), must_not_be_asked).wait()


def test_a_worker_that_must_stop_does_not_sleep_a_low_rate_out(
    remote: RemoteTom,
) -> None:
    outcome, _ = deliver(
        remote, datums_parcel(photometry(0)), stop_after=0, max_per_second=0.001
    )

    assert isinstance(outcome, Interrupted)
    assert remote.requests == []
