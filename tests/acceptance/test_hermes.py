"""A message goes out once, whatever becomes of the worker that published it."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.acceptance.test_kills import at_work, start_workers
from tests.support import misbehaviour, rows
from tests.support.misbehaviour import Behaviour
from tests.support.remote_hermes import PROFILE, SUBMIT, RemoteHermes
from tests.support.toms import (
    Tom,
    assert_each_attempt_is_on_record,
    attempts_of,
)
from tom_share_worker.delivery.asking import outbox
from tom_share_worker.models import Attempt, Share

pytestmark = pytest.mark.django_db(transaction=True)

COUNT = 20

MOMENTS: dict[str, tuple[tuple[str, str], Behaviour]] = {
    "before it was published": (PROFILE, misbehaviour.hang),
    "when it was published": (SUBMIT, misbehaviour.act_then_hang),
}


@pytest.fixture
def hermes(tom: Tom) -> Iterator[RemoteHermes]:
    """A Hermes that the TOM under test knows."""
    with RemoteHermes() as running:
        tom.knows(hermes=running.entry(ARCHIVE_DELAY=1))
        yield running


def share_data() -> Share:
    owner = rows.person()
    target = rows.target(owner, "SN 2026abc")
    rows.photometry(target, COUNT)
    return outbox.share_target_data(owner, "hermes:survey.test", target)


def assert_published_once(hermes: RemoteHermes, share: Share) -> None:
    [message] = hermes.messages
    sent = [row["brightness"] for row in message["data"]["photometry"]]
    assert sent == rows.magnitudes(COUNT)
    row = share.deliveries.get()
    assert row.delivered_count == COUNT
    assert row.link == f"{hermes.url}message/{hermes.published[0].uuid}"
    assert_each_attempt_is_on_record(share)


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_message_of_a_killed_worker_goes_out_once(
    tom: Tom, hermes: RemoteHermes, moment: str
) -> None:
    asked, behaviour = MOMENTS[moment]
    tom.hurry(READ_TIMEOUT=20, TOTAL_TIMEOUT=20)
    rule = hermes.on(*asked, behaviour, exact=True, times=1)
    start_workers(tom, 2)
    share = share_data()

    rule.await_met()
    at_work(tom).kill()

    tom.await_delivered(share)
    assert_published_once(hermes, share)
    outcomes = [attempt.outcome for attempt in attempts_of(share)]
    assert outcomes.count(Attempt.Outcome.LOST) == 1


def test_a_worker_that_froze_before_publishing_wakes_up_too_late(
    tom: Tom, hermes: RemoteHermes
) -> None:
    tom.hurry(READ_TIMEOUT=60, TOTAL_TIMEOUT=60)
    validate = ("POST", SUBMIT[1] + "validate/")
    rule = hermes.on(*validate, misbehaviour.wait_then_answer, times=1)
    start_workers(tom, 2)
    share = share_data()
    rule.await_met()
    frozen = at_work(tom)
    frozen.signal(signal.SIGSTOP)

    tom.await_delivered(share)
    rule.released.set()
    frozen.signal(signal.SIGCONT)
    later = share_data_again(share)
    tom.await_delivered(later)

    assert len(hermes.published) == 2
    assert_each_attempt_is_on_record(share)


def share_data_again(share: Share) -> Share:
    """Share the same once more, on purpose."""
    return outbox.share_target_data(share.user, share.destination, share.target)


def test_a_message_whose_answer_never_came_goes_out_once(
    tom: Tom, hermes: RemoteHermes
) -> None:
    hermes.on(*SUBMIT, misbehaviour.act_then_hang, exact=True, times=1)
    tom.start_worker()

    share = share_data()

    tom.await_delivered(share)
    assert_published_once(hermes, share)
