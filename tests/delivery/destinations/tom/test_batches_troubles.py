"""What another TOM may answer to a batch besides the fates of its data points."""

from __future__ import annotations

from typing import Any

import pytest

from tests.delivery.destinations.tom.test_batches import (
    SINGLY,
    magnitudes,
    parcel,
    posts,
)
from tests.support import misbehaviour
from tests.support.conversations import (
    NAME,
    Notebook,
    card,
    datums_parcel,
    deliver,
    photometry,
)
from tests.support.misbehaviour import Behaviour
from tests.support.remote_peer import BATCH, problem
from tests.support.remote_tom import RemoteTom
from tom_share_worker.delivery.destinations.tom import batches
from tom_share_worker.delivery.ledger import Key
from tom_share_worker.delivery.outcomes import (
    Blocked,
    Delivered,
    Outcome,
    Refused,
    TryAgain,
)
from tom_share_worker.models import Failure


@pytest.fixture(autouse=True)
def _peer(remote: RemoteTom) -> None:
    remote.store.add_target(NAME, ra=10.0, dec=5.0)
    remote.speak()


def test_a_batch_that_is_still_being_stored_is_asked_for_later(
    remote: RemoteTom,
) -> None:
    running = problem("running", 409, **{"Retry-After": "3"})
    remote.on(*BATCH, lambda exchange: exchange.send(running), times=1)

    first, _ = deliver(remote, parcel())
    second, _ = deliver(remote, parcel(attempts=1))

    assert isinstance(first, TryAgain)
    assert (first.retry_after, first.destination_wide) == (3, False)
    assert "still storing" in first.note
    assert second == Delivered("5 delivered.")
    assert len({r.headers["Idempotency-Key"] for r in remote.asked(*BATCH)}) == 1


def test_too_many_requests_are_an_order_to_wait(remote: RemoteTom) -> None:
    slow = problem("too-many-requests", 429, **{"Retry-After": "20"})
    remote.on(*BATCH, lambda exchange: exchange.send(slow))

    outcome, _ = deliver(remote, parcel())

    assert isinstance(outcome, TryAgain)
    assert (outcome.retry_after, outcome.destination_wide) == (20, True)


def test_a_key_that_was_taken_is_replaced_by_a_new_one(remote: RemoteTom) -> None:
    taken = problem("key-reused", 422)
    remote.on(*BATCH, lambda exchange: exchange.send(taken), times=1)

    outcome, _ = deliver(remote, parcel())

    assert outcome == Delivered("5 delivered.")
    keys = [request.headers["Idempotency-Key"] for request in remote.asked(*BATCH)]
    assert len(set(keys)) == len(keys) == 2


def test_no_key_will_do_is_our_fault_and_no_data_are_refused(remote: RemoteTom) -> None:
    remote.on(*BATCH, lambda exchange: exchange.send(problem("key-reused", 422)))

    outcome, notebook = deliver(remote, parcel())

    assert isinstance(outcome, TryAgain)
    assert outcome.failure == Failure.OUR_FAULT
    assert set(notebook.fates()) == {"not yet"}


@pytest.mark.parametrize("most", [1000, 300])
def test_what_is_too_large_on_its_way_is_sent_in_parts_from_then_on(
    remote: RemoteTom, most: int
) -> None:
    remote.speak(supports=("datums",))

    def narrow(exchange: misbehaviour.Exchange) -> None:
        small = len(exchange.asked.body) <= most * 100
        exchange.send(
            exchange.act()
            if small
            else misbehaviour.Reply(413, b"<h1>Too large</h1>", misbehaviour.HTML)
        )

    remote.on(*BATCH, narrow)

    outcome, notebook = deliver(remote, parcel(2000))
    known = [peer for peer in notebook.peers if peer][-1]
    met = posts(remote)
    deliver(remote, parcel(2000, peer=known, conversation="another"))

    assert outcome == Delivered("2000 delivered.")
    assert len(remote.store.datums) == 2000
    answers = [most * 100 >= len(r.body) for r in remote.asked(*BATCH)[met:]]
    assert all(answers)


def test_one_data_point_that_is_too_large_is_refused_and_the_others_go(
    remote: RemoteTom,
) -> None:
    remote.speak(body=20_000)
    rows = [photometry(n) for n in range(4)]
    rows[2].value = {"x": "y" * 30_000}

    outcome, notebook = deliver(remote, datums_parcel(*rows))

    assert outcome == Delivered("3 delivered, 1 refused.")
    [(key, reason)] = notebook.ledger.refused()
    assert key == Key("photometry", 3)
    assert "Share it as a file" in reason


@pytest.mark.parametrize(
    "outcomes",
    [[], [{"outcome": "created"}] * 4, [{"outcome": "created"}] * 6, "created", None],
)
def test_an_answer_that_does_not_tell_each_fate_is_nonsense(
    remote: RemoteTom, outcomes: Any
) -> None:
    said = {"version": 1, "outcomes": outcomes}
    remote.on(*BATCH, misbehaviour.answer(200, said))

    outcome, notebook = deliver(remote, parcel())

    assert isinstance(outcome, TryAgain)
    assert "not the answer of a TOM" in outcome.note
    assert set(notebook.fates()) == {"not yet"}


OTHERS: dict[str, tuple[Behaviour, type[Outcome]]] = {
    "401": (misbehaviour.expired_token, Blocked),
    "403": (misbehaviour.answer(403, {"detail": "No."}), Refused),
    "503": (misbehaviour.html(503), TryAgain),
    "500": (misbehaviour.html(500), TryAgain),
    "301": (misbehaviour.redirect(301, "https://new.example.org/"), Refused),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_answers_mean_what_they_mean_elsewhere(
    remote: RemoteTom, name: str
) -> None:
    behave, kind = OTHERS[name]
    remote.on(*BATCH, behave)

    outcome, notebook = deliver(remote, parcel())

    assert isinstance(outcome, kind)
    assert set(notebook.fates()) == {"not yet"}
    assert not remote.asked(*SINGLY)


def test_a_target_that_has_another_id_by_now_is_found_again(remote: RemoteTom) -> None:
    first, _ = deliver(remote, parcel(2, of=card(remote_id="1")))
    remote.store.delete_target(1)
    remote.store.add_target(NAME, ra=10.0, dec=5.0)

    outcome, notebook = deliver(remote, parcel(of=card(remote_id="1")))

    assert (first, outcome) == (Delivered("2 delivered."), Delivered("5 delivered."))
    assert notebook.targets == [None, str(remote.store.targets[0]["id"])]
    assert remote.store.magnitudes() == magnitudes()


def test_a_target_that_our_account_may_not_change_is_said_so(
    remote: RemoteTom,
) -> None:
    remote.on(*BATCH, lambda exchange: exchange.send(problem("unknown-target", 404)))

    outcome, notebook = deliver(remote, parcel())

    assert isinstance(outcome, Refused)
    assert outcome.failure == Failure.PERMISSION_MISSING
    assert "add data to" in outcome.note
    assert notebook.peers[-1] is not None


SURPRISES: dict[str, Behaviour] = {
    "no such page": misbehaviour.html(404),
    "no such page, in JSON": misbehaviour.answer(404, {"detail": "Not found."}),
    "no post": misbehaviour.answer(405, {"detail": "Not allowed."}),
    "a page": misbehaviour.html(200),
    "another version": lambda e: e.send(problem("not-supported", 400)),
    "not understood": lambda e: e.send(problem("malformed", 400)),
    "not so packed": lambda e: e.send(problem("media-type", 415)),
    "not implemented": misbehaviour.html(501),
}


@pytest.mark.parametrize("name", SURPRISES)
def test_at_the_first_surprise_all_goes_the_way_of_a_stock_tom(
    remote: RemoteTom, name: str
) -> None:
    remote.on(*BATCH, SURPRISES[name])

    outcome, notebook = deliver(remote, parcel())

    assert outcome == Delivered("5 delivered.")
    assert notebook.peers[-1] is None
    assert remote.store.magnitudes() == magnitudes()
    assert posts(remote) == 1


def test_what_went_before_the_surprise_is_not_sent_again(remote: RemoteTom) -> None:
    remote.speak(batch=2)
    remote.on(*BATCH, misbehaviour.html(404), skip=1)

    outcome, _ = deliver(remote, parcel())

    assert outcome == Delivered("5 delivered.")
    assert len(remote.asked(*SINGLY)) == 3
    assert remote.store.magnitudes() == magnitudes()


def test_one_that_breaks_its_batch_time_and_again_does_not_hold_the_others(
    remote: RemoteTom,
) -> None:
    remote.on(*BATCH, misbehaviour.html(500))

    outcomes: list[tuple[Outcome, Notebook]] = [
        deliver(remote, parcel(attempts=n)) for n in range(batches.PATIENCE + 1)
    ]

    *waiting, (last, notebook) = outcomes
    assert all(isinstance(outcome, TryAgain) for outcome, _ in waiting)
    assert last == Delivered("5 delivered.")
    assert None not in notebook.peers  # it speaks the protocol all the same
    assert remote.store.magnitudes() == magnitudes()


def test_our_account_is_sent_to_the_other_tom_alone(remote: RemoteTom) -> None:
    with RemoteTom() as elsewhere:
        there = f"{elsewhere.url}api/tom-share/datums/"
        remote.on(*BATCH, misbehaviour.redirect(307, there))

        outcome, _ = deliver(remote, parcel())

        assert isinstance(outcome, TryAgain)
        assert elsewhere.requests == []
