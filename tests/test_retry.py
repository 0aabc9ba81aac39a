"""When a delivery is tried again: tables, and properties of any schedule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tom_share_worker import conf
from tom_share_worker.retry import GiveUp, RetryAt, Schedule

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SCHEDULE = Schedule(waits=(5, 30, 120), jitter=0.2, retry_after_limit=3600)

draws = st.floats(0, 1)
schedules = st.builds(
    Schedule,
    waits=st.lists(st.floats(0, 1e6), max_size=12).map(sorted),
    jitter=st.floats(0, 0.99),
    retry_after_limit=st.floats(0, 1e6),
)


def wait_of(decision: RetryAt | GiveUp) -> float:
    """Return the seconds until the next attempt."""
    assert isinstance(decision, RetryAt)
    return (decision.time - NOW).total_seconds()


@pytest.mark.parametrize(
    ("attempts", "draw", "retry_after", "wait"),
    [
        (1, 0.5, None, 5),  # as scheduled
        (2, 0.5, None, 30),
        (3, 0.5, None, 120),
        (1, 0.0, None, 4),  # the shortest that jitter makes it
        (1, 1.0, None, 6),  # the longest
        (1, 0.5, 60, 60),  # the destination asks for more
        (2, 0.5, 10, 30),  # it asks for less, and does not get it
        (1, 0.5, 0, 5),
        (1, 0.5, 1e9, 3600),  # it asks for more than anybody may
    ],
)
def test_a_wait_is_as_scheduled_unless_the_destination_asks_for_more(
    attempts: int, draw: float, retry_after: float | None, wait: float
) -> None:
    decision = SCHEDULE.decide(attempts, NOW, draw, retry_after)

    assert wait_of(decision) == pytest.approx(wait)


def test_it_gives_up_when_the_schedule_is_used_up() -> None:
    assert SCHEDULE.decide(4, NOW, 0.5) == GiveUp()
    assert SCHEDULE.decide(4, NOW, 0.5, retry_after=10) == GiveUp()
    assert Schedule((), 0, 60).decide(1, NOW, 0.5) == GiveUp()


def test_the_default_schedule_holds_out_for_three_days() -> None:
    waits = conf.Settings().RETRY_SCHEDULE

    assert len(waits) == 11
    assert sum(waits) > 75 * 3600


@given(schedules, st.integers(1, 20), draws, st.none() | st.floats(0, 1e9))
def test_any_wait_is_within_its_bounds(
    schedule: Schedule, attempts: int, draw: float, retry_after: float | None
) -> None:
    decision = schedule.decide(attempts, NOW, draw, retry_after)

    if attempts > len(schedule.waits):
        assert decision == GiveUp()
        return
    planned = schedule.waits[attempts - 1]
    longest = max(planned * (1 + schedule.jitter), schedule.retry_after_limit)
    assert planned * (1 - schedule.jitter) - 1e-6 <= wait_of(decision)
    assert wait_of(decision) <= longest + 1e-6


@given(schedules, draws)
def test_waits_never_get_shorter_from_attempt_to_attempt(
    schedule: Schedule, draw: float
) -> None:
    waits = [
        wait_of(schedule.decide(attempts, NOW, draw))
        for attempts in range(1, len(schedule.waits) + 1)
    ]

    assert waits == sorted(waits)


@given(schedules, st.integers(1, 1000), draws, st.floats(1, 1e5))
def test_back_off_never_gives_up_and_never_exceeds_its_limit(
    schedule: Schedule, failures: int, draw: float, limit: float
) -> None:
    until = schedule.back_off(failures, NOW, draw, limit)

    assert NOW <= until <= NOW + timedelta(seconds=limit + 1e-3)


@given(schedules, st.integers(1, 30), draws, st.floats(1, 1e5))
def test_how_long_it_is_down_is_told_by_how_often_it_was_found_so(
    schedule: Schedule, failures: int, draw: float, limit: float
) -> None:
    looked = NOW
    for earlier in range(1, failures):
        looked = schedule.back_off(earlier, looked, draw, limit)

    least = schedule.backed_off(failures, limit)

    assert least <= (looked - NOW).total_seconds() + 1e-3


def test_an_hour_of_the_default_schedule_is_seven_looks() -> None:
    own = conf.Settings()
    schedule = Schedule(own.RETRY_SCHEDULE, own.RETRY_JITTER, own.RETRY_AFTER_LIMIT)

    assert schedule.backed_off(6, own.BACKOFF_LIMIT) < 3600
    assert schedule.backed_off(7, own.BACKOFF_LIMIT) >= 3600


def test_back_off_waits_as_long_as_the_destination_asks() -> None:
    until = SCHEDULE.back_off(1, NOW, 0.5, limit=10, retry_after=600)

    assert until == NOW + timedelta(seconds=600)
