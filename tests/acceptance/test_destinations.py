"""Destinations in every kind of trouble, side by side, and one that is in none."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from itertools import pairwise

import pytest

from tests.support import misbehaviour, rows
from tests.support.misbehaviour import Behaviour
from tests.support.remote_tom import RemoteTom
from tests.support.toms import (
    WAIT,
    Tom,
    assert_each_attempt_is_on_record,
    attempts_of,
)
from tests.support.waiting import wait_until
from tom_share_worker.delivery import actions, gate
from tom_share_worker.delivery.asking import outbox
from tom_share_worker.models import Attempt, Delivery, Destination, Share

pytestmark = pytest.mark.django_db(transaction=True)

COUNT = 10
TROUBLES: dict[str, tuple[Behaviour, str]] = {
    "silent": (misbehaviour.hang, "was silent"),
    "forgetful": (misbehaviour.act_then_hang, "was silent"),
    "failing": (misbehaviour.html(500), "internal error"),
    "busy": (misbehaviour.later(429, 2), "come back later"),
    "closed": (misbehaviour.later(503, 2, as_date=True), "overloaded or down"),
    "chatty": (misbehaviour.html(200), "not the answer of a TOM's API"),
    "moving": (misbehaviour.redirect(302, "/sorry/"), "redirects to"),
    "halving": (misbehaviour.half_answer, "connection was cut"),
    "cutting": (misbehaviour.act_then_cut, "connection was cut"),
    "slow": (misbehaviour.trickle, "did not finish its answer"),
    "mad": (misbehaviour.rubbish(b"\x00{"), "not the answer of a TOM's API"),
}


@pytest.fixture
def remotes() -> Iterator[dict[str, RemoteTom]]:
    """A remote for each trouble, one that will be down, and a healthy one."""
    with contextlib.ExitStack() as stack:
        names = [*TROUBLES, "down", "healthy"]
        yield {name: stack.enter_context(RemoteTom()) for name in names}


def trouble_began(share: Share, words: str) -> bool:
    tries = share.deliveries.filter(attempts__note__contains=words)
    return tries.filter(attempts__outcome=Attempt.Outcome.TRY_AGAIN).exists()


def test_whatever_a_destination_does_everything_arrives_once_it_is_well(
    tom: Tom, remotes: dict[str, RemoteTom]
) -> None:
    owner = rows.person()
    target = rows.target(owner, "SN 2026abc")
    photometry = rows.photometry(target, COUNT)
    for name, (behaviour, _) in TROUBLES.items():
        remotes[name].on("POST", "/api/reduceddatums/", behaviour, skip=4)
    remotes["down"].refuse()
    tom.knows(**remotes)
    tom.hurry(CONCURRENCY=14)
    tom.start_worker()

    shares = {
        name: outbox.share_target(owner, name, target, photometry) for name in remotes
    }
    tom.await_delivered(shares["healthy"], seconds=10)
    words = {name: words for name, (_, words) in TROUBLES.items()}
    words["down"] = "connection was refused"
    for name, said in words.items():
        wait_until(
            partial(trouble_began, shares[name], said),
            WAIT,
            f"the trouble of {name} on record",
            tom.tell,
        )

    remotes["down"].listen()
    for remote in remotes.values():
        remote.heal()

    for name, share in shares.items():
        tom.await_delivered(share)
        assert remotes[name].store.magnitudes() == rows.magnitudes(COUNT), name
        assert len(remotes[name].store.targets) == 1, name
        assert_each_attempt_is_on_record(share)


def test_the_wish_to_come_back_later_is_respected(tom: Tom, partner: RemoteTom) -> None:
    owner = rows.person()
    target = rows.target(owner, "SN 2026abc")
    photometry = rows.photometry(target, 3)
    partner.on("POST", "/api/reduceddatums/", misbehaviour.later(429, 3), times=1)
    tom.start_worker()

    share = outbox.share_target(owner, "partner", target, photometry)

    tom.await_delivered(share)
    times = [request.time for request in partner.asked("POST", "/api/reduceddatums/")]
    gaps = [later - sooner for sooner, later in pairwise(times)]
    assert gaps[0] >= 3
    assert len(times) == 4


def test_200_deliveries_wait_for_a_dead_destination_and_a_healthy_one_gets_its_share(
    tom: Tom,
) -> None:
    with RemoteTom() as dead, RemoteTom() as healthy:
        owner = rows.person()
        targets = [rows.target(owner, f"SN 2026-{n:03d}") for n in range(200)]
        survey = rows.target_list("Survey", *targets)
        tom.knows(dead=dead, healthy=healthy)
        tom.hurry(READ_TIMEOUT=6, TOTAL_TIMEOUT=6)
        gate.state("dead")
        gate.found_up("dead")  # it answered a moment ago: all its slots are in use
        dead.on("*", "/", misbehaviour.hang)
        tom.start_worker()
        waiting = outbox.share_target_list(owner, "dead", survey, None, False)
        wait_until(
            lambda: waiting.deliveries.count() == 200 and attempts_of(waiting),
            WAIT,
            "200 deliveries to wait",
            tom.tell,
        )

        share = outbox.share_target(owner, "healthy", targets[0])

        tom.await_delivered(share, seconds=3)
        assert (
            waiting.deliveries.exclude(status=Delivery.Status.DELIVERED).count() == 200
        )


def test_a_refused_account_pauses_the_destination_and_burns_no_attempt(
    tom: Tom, partner: RemoteTom
) -> None:
    owner = rows.person()
    targets = [rows.target(owner, f"SN 2026-{n}") for n in range(6)]
    survey = rows.target_list("Survey", *targets)
    rule = partner.on(
        "POST",
        "/api/token-auth/",
        misbehaviour.answer(400, {"non_field_errors": ["Unable to log in."]}),
    )
    tom.start_worker()

    share = outbox.share_target_list(owner, "partner", survey, None, False)

    wait_until(
        lambda: Destination.objects.filter(key="partner", paused=True).exists(),
        WAIT,
        "the destination to be paused",
        tom.tell,
    )
    assert set(share.deliveries.values_list("attempt_count", flat=True)) == {0}
    note = Destination.objects.get(key="partner").note
    assert "refused our account: Unable to log in" in note

    rule.released.set()
    partner.heal()
    actions.retry_share(share)

    tom.await_delivered(share)
    assert len(partner.store.targets) == 6
