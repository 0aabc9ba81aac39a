"""Data points in batches: each has its fate, none is lost, none is there twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support import misbehaviour
from tests.support.conversations import NAME, datums_parcel, deliver, photometry
from tests.support.remote_peer import BATCH
from tests.support.remote_tom import RemoteTom
from tom_share_worker.delivery.outcomes import (
    Delivered,
    Interrupted,
    Refused,
    TryAgain,
)
from tom_share_worker.delivery.parcels import DatumsParcel
from tom_share_worker.models import Failure

SINGLY = ("POST", "/api/reduceddatums/")


@pytest.fixture(autouse=True)
def _peer(remote: RemoteTom) -> None:
    remote.store.add_target(NAME, ra=10.0, dec=5.0)
    remote.speak()


def parcel(count: int = 5, **change: Any) -> DatumsParcel:
    rows = map(photometry, range(count))
    return datums_parcel(*rows, **{"conversation": "this delivery", **change})


def magnitudes(count: int = 5) -> list[float]:
    return [15 + number / 1000 for number in range(count)]


def posts(remote: RemoteTom) -> int:
    return len(remote.asked(*BATCH))


def test_a_delivery_is_one_request(remote: RemoteTom) -> None:
    outcome, notebook = deliver(remote, parcel(500))

    assert outcome == Delivered("500 delivered.")
    assert set(notebook.fates()) == {"delivered"}
    assert posts(remote) == 1
    assert not remote.asked(*SINGLY)
    assert remote.store.magnitudes() == magnitudes(500)


def test_each_data_point_gets_its_own_fate_in_order(remote: RemoteTom) -> None:
    deliver(remote, datums_parcel(photometry(1)))
    rows = [
        photometry(0),
        photometry(1),
        photometry(2, bandpass="refused"),
        photometry(3, brightness=float("nan")),
        None,
        photometry(5),
    ]

    outcome, notebook = deliver(remote, datums_parcel(*rows))

    assert outcome == Delivered("2 delivered, 1 already there, 3 refused.")
    assert [row[2] for row in notebook.ledger.rows()] == [
        *("delivered", "already there", *["refused"] * 3, "delivered")
    ]
    reasons = [reason for _, reason in notebook.ledger.refused()]
    assert reasons[0] == "Remote TOM refused it: Its filter is not known here."
    assert "not a finite number" in reasons[1]
    assert "was deleted" in reasons[2]


def test_when_all_are_refused_the_delivery_is_and_says_why(remote: RemoteTom) -> None:
    outcome, _ = deliver(remote, datums_parcel(photometry(1, bandpass="refused")))

    assert isinstance(outcome, Refused)
    assert outcome.failure == Failure.REFUSED_DATA
    assert "Its filter is not known here" in outcome.note


def test_what_nobody_could_send_makes_no_request(remote: RemoteTom) -> None:
    outcome, _ = deliver(remote, datums_parcel(photometry(1, bandpass="")))

    assert isinstance(outcome, Refused)
    assert posts(remote) == 0


def test_no_request_is_larger_than_the_other_tom_takes(remote: RemoteTom) -> None:
    remote.speak(batch=7, body=10_000)

    outcome, _ = deliver(remote, parcel(20))
    fat = [photometry(100 + n, value={"x": "y" * 4000}) for n in range(5)]
    more, _ = deliver(remote, datums_parcel(*fat))

    assert (outcome, more) == (Delivered("20 delivered."), Delivered("5 delivered."))
    assert remote.peer is not None
    sizes = [len(batch.body["datums"]) for batch in remote.peer.batches.values()]
    assert sizes == [7, 7, 6, 2, 2, 1]


@pytest.mark.parametrize(
    ("count", "supports", "packed"),
    [
        (200, ("datums", "gzip"), True),
        (200, ("datums",), False),
        (3, ("datums", "gzip"), False),
    ],
    ids=["many", "not understood", "few"],
)
def test_a_body_is_packed_where_that_is_worth_it_and_understood(
    remote: RemoteTom, count: int, supports: tuple[str, ...], packed: bool
) -> None:
    peer = remote.speak(supports=supports)

    deliver(remote, parcel(count))

    [batch] = peer.batches.values()
    assert batch.packed is packed
    assert len(batch.body["datums"]) == count
    [request] = remote.asked(*BATCH)
    assert (len(request.body) < 50 * count) is packed


LOST = {
    "cut": misbehaviour.act_then_cut,
    "half an answer": misbehaviour.half_answer,
    "silence": misbehaviour.act_then_hang,
    "trickle": misbehaviour.trickle,
}


@pytest.mark.parametrize("name", LOST)
def test_an_answer_that_is_lost_doubles_nothing_and_is_had_by_asking_again(
    remote: RemoteTom, settings: Any, name: str
) -> None:
    settings.TOM_SHARE_WORKER = {"READ_TIMEOUT": 0.3, "TOTAL_TIMEOUT": 0.6}
    remote.on(*BATCH, LOST[name], times=1)
    # Nothing that a constraint of the database would catch.
    unguarded = [photometry(n, brightness=None, exposure_time=1.0) for n in range(4)]
    sent = datums_parcel(*unguarded, conversation="this delivery")

    first, _ = deliver(remote, sent)
    second, notebook = deliver(remote, replace(sent, attempts=1))

    assert isinstance(first, TryAgain)
    assert first.destination_wide
    assert second == Delivered("4 delivered.")
    assert set(notebook.fates()) == {"delivered"}
    assert len(remote.store.datums) == 4
    assert remote.peer is not None
    [batch] = remote.peer.batches.values()
    assert batch.times == 2


def test_after_an_answer_the_same_is_sent_as_something_new(remote: RemoteTom) -> None:
    deliver(remote, parcel(conversation="this delivery, 0 answers"))
    outcome, _ = deliver(remote, parcel(conversation="this delivery, 1 answer"))

    assert outcome == Delivered("5 already there.")
    assert remote.peer is not None
    assert len(remote.peer.batches) == 2


def test_two_deliveries_of_the_same_data_are_two_requests(remote: RemoteTom) -> None:
    deliver(remote, parcel(conversation="one delivery"))
    outcome, _ = deliver(remote, parcel(conversation="another delivery"))

    assert outcome == Delivered("5 already there.")
    assert len(remote.store.datums) == 5


def test_a_worker_that_must_let_go_does_so_between_two_requests(
    remote: RemoteTom,
) -> None:
    remote.speak(batch=2)

    outcome, notebook = deliver(remote, parcel(), stop_after=1)
    rest = {key: photometry(key.pk - 1) for key in notebook.ledger.pending()}
    again, _ = deliver(remote, replace(parcel(), datums=rest))

    assert isinstance(outcome, Interrupted)
    assert notebook.fates() == [*["delivered"] * 2, *["not yet"] * 3]
    assert again == Delivered("3 delivered.")
    assert remote.store.magnitudes() == magnitudes()


def test_every_request_of_a_batch_has_a_key_that_a_header_takes(
    remote: RemoteTom,
) -> None:
    odd = parcel(conversation="Ünïcode TOM \ud800:\n7")

    outcome, _ = deliver(remote, odd)

    assert outcome == Delivered("5 delivered.")
    [request] = remote.asked(*BATCH)
    key = request.headers["Idempotency-Key"]
    assert key.isascii()
    assert key.isprintable()
    assert 1 <= len(key) <= 200
