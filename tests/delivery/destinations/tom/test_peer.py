"""Is the other TOM one that runs this app? Asked once, remembered, dropped if wrong."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import misbehaviour
from tests.support.conversations import (
    NAME,
    datums_parcel,
    deliver,
    photometry,
    product_parcel,
    target_parcel,
)
from tests.support.misbehaviour import Behaviour
from tests.support.remote_peer import ASK, BATCH
from tests.support.remote_tom import RemoteTom
from tom_share_worker.delivery.destinations.tom import wire
from tom_share_worker.delivery.outcomes import Blocked, Delivered, TryAgain
from tom_share_worker.delivery.parcels import Parcel

SPEAKS = wire.Peer("9.8.7", batch=2000, body=16_000_000, takes_gzip=True).row()


@pytest.fixture(autouse=True)
def _target(remote: RemoteTom) -> None:
    remote.store.add_target(NAME, ra=10.0, dec=5.0)


def data(**change: Any) -> Parcel:
    return datums_parcel(*map(photometry, range(3)), **change)


PARCELS = {
    "target": target_parcel,
    "data points": data,
    "product": product_parcel,
}


@pytest.mark.parametrize("kind", PARCELS)
def test_a_tom_that_runs_this_app_is_found_by_whatever_goes_first(
    remote: RemoteTom, kind: str
) -> None:
    remote.speak()

    _, notebook = deliver(remote, PARCELS[kind]())

    assert notebook.peers == [SPEAKS]


@pytest.mark.parametrize("kind", PARCELS)
def test_a_stock_tom_is_asked_once_and_gets_what_a_stock_tom_takes(
    remote: RemoteTom, kind: str
) -> None:
    outcome, notebook = deliver(remote, PARCELS[kind]())

    assert isinstance(outcome, Delivered)
    assert notebook.peers == [{}]
    assert len(remote.asked(*ASK)) == 1


@pytest.mark.parametrize(("known", "batches"), [({}, 0), (SPEAKS, 1)])
def test_what_is_remembered_is_not_asked(
    remote: RemoteTom, known: dict[str, Any], batches: int
) -> None:
    remote.speak()

    outcome, notebook = deliver(remote, data(peer=known))

    assert outcome == Delivered("3 delivered.")
    assert notebook.peers == []
    assert not remote.asked(*ASK)
    assert len(remote.asked(*BATCH)) == batches
    assert len(remote.store.datums) == 3


OTHERS: dict[str, Behaviour] = {
    "another app": misbehaviour.answer(200, {"app": "another"}),
    "a list": misbehaviour.answer(200, ["tom_share_worker"]),
    "gone": misbehaviour.html(410),
    "no get": misbehaviour.answer(405, {"detail": "Not allowed."}),
}


@pytest.mark.parametrize("name", OTHERS)
def test_whatever_else_is_at_that_address_is_no_peer(
    remote: RemoteTom, name: str
) -> None:
    remote.on(*ASK, OTHERS[name])

    outcome, notebook = deliver(remote, data())

    assert outcome == Delivered("3 delivered.")
    assert notebook.peers == [{}]


UNCLEAR: dict[str, Behaviour] = {
    "a page for any address": misbehaviour.html(200),
    "a redirect": misbehaviour.redirect(302, "/"),
    "forbidden": misbehaviour.empty(403),
    "an internal error": misbehaviour.html(500),
    "rubbish": misbehaviour.rubbish(b"{"),
}


@pytest.mark.parametrize("name", UNCLEAR)
def test_an_answer_that_tells_nothing_is_not_remembered_and_stops_nothing(
    remote: RemoteTom, name: str
) -> None:
    remote.on(*ASK, UNCLEAR[name])

    outcome, notebook = deliver(remote, data())

    assert outcome == Delivered("3 delivered.")
    assert notebook.peers == []


DOWN: dict[str, Behaviour] = {
    "503": misbehaviour.later(503, 7),
    "429": misbehaviour.later(429, 7),
    "silence": misbehaviour.hang,
    "cut": misbehaviour.cut,
}


@pytest.mark.parametrize("name", DOWN)
def test_a_tom_that_goes_down_when_asked_is_down_and_nothing_is_remembered(
    remote: RemoteTom, settings: Any, name: str
) -> None:
    settings.TOM_SHARE_WORKER = {"READ_TIMEOUT": 0.3}
    remote.on(*ASK, DOWN[name])

    outcome, notebook = deliver(remote, data())

    assert isinstance(outcome, TryAgain)
    assert outcome.destination_wide
    assert notebook.peers == []
    assert remote.store.datums == []


@pytest.mark.parametrize("name", ["503", "cut"])
def test_a_tom_that_is_down_is_found_so_before_it_is_asked(
    remote: RemoteTom, name: str
) -> None:
    remote.on("*", "/", DOWN[name])

    outcome, notebook = deliver(remote, data())

    assert isinstance(outcome, TryAgain)
    assert notebook.peers == []
    assert not remote.asked(*ASK)


def test_an_account_that_is_refused_there_is_refused(remote: RemoteTom) -> None:
    remote.on(*ASK, misbehaviour.expired_token)

    outcome, notebook = deliver(remote, data())

    assert isinstance(outcome, Blocked)
    assert notebook.peers == []
