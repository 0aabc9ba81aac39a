"""Whatever a destination does, in any step: an outcome in words, and nothing lost."""

from __future__ import annotations

import time
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
from tests.support.remote_tom import RemoteTom
from tom_share_worker.delivery.outcomes import Blocked, Delivered, Refused, TryAgain
from tom_share_worker.models import Failure

LIMITS = {
    "CONNECT_TIMEOUT": 0.5,
    "READ_TIMEOUT": 0.4,
    "TOTAL_TIMEOUT": 0.8,
    "UPLOAD_TIMEOUT": 0.8,
    "ANSWER_LIMIT": 200_000,
}
PARCELS: dict[str, Any] = {
    "target": target_parcel,
    "data points": lambda: datums_parcel(*map(photometry, range(5))),
    "data product": product_parcel,
}
WRITES = {
    "target": ("PATCH", "/api/targets/"),
    "data points": ("POST", "/api/reduceddatums/"),
    "data product": ("POST", "/api/dataproducts/"),
}
TROUBLES: dict[str, tuple[Behaviour, str]] = {
    "hang": (misbehaviour.hang, "could not be reached: it"),
    "act, then hang": (misbehaviour.act_then_hang, "could not be reached: it"),
    "cut": (misbehaviour.cut, "could not be reached: the connection was cut"),
    "act, then cut": (misbehaviour.act_then_cut, "could not be reached: the conn"),
    "half an answer": (misbehaviour.half_answer, "could not be reached: the conn"),
    "trickle": (misbehaviour.trickle, "could not be reached: it did not finish"),
    "endless": (misbehaviour.endless, "could not be reached: its answer was too"),
    "429": (misbehaviour.later(429, 7), "asked us to come back later"),
    "502": (misbehaviour.html(502), "overloaded or down"),
    "503": (misbehaviour.later(503, 7, as_date=True), "overloaded or down"),
    "html": (misbehaviour.html(200), "not the answer of a TOM's API"),
    "html as 201": (misbehaviour.html(201), "not the answer of a TOM's API"),
    "nothing": (misbehaviour.empty(200), "not the answer of a TOM's API"),
    "rubbish": (misbehaviour.rubbish(b"\x00\xff{"), "not the answer of a TOM's API"),
    "302": (misbehaviour.redirect(302, "/sorry/"), "redirects to"),
}


@pytest.fixture(autouse=True)
def _short_limits(settings: Any, remote: RemoteTom) -> None:
    settings.TOM_SHARE_WORKER = LIMITS
    remote.store.add_target(NAME)


@pytest.mark.parametrize("kind", PARCELS)
@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble_with_a_write_is_tried_again_and_then_arrives_once(
    remote: RemoteTom, kind: str, trouble: str
) -> None:
    behaviour, words = TROUBLES[trouble]
    remote.on(*WRITES[kind], behaviour)
    begin = time.monotonic()

    outcome, notebook = deliver(remote, PARCELS[kind]())

    assert isinstance(outcome, TryAgain), outcome
    assert outcome.destination_wide
    assert outcome.failure == Failure.DESTINATION_DOWN
    assert outcome.note.startswith("Remote TOM")
    assert words in outcome.note
    assert time.monotonic() - begin < 3
    assert WRITES[kind][0] in notebook.requests[-1][0]

    remote.heal()
    outcome, _ = deliver(remote, PARCELS[kind]())

    assert isinstance(outcome, Delivered)
    assert_everything_once(remote, kind)


def assert_everything_once(remote: RemoteTom, kind: str) -> None:
    expected = {
        "target": (1, 0, 0),
        "data points": (1, 5, 0),
        "data product": (1, 0, 1),
    }
    store = remote.store
    counts = (len(store.targets), len(store.datums), len(store.products))
    assert counts == expected[kind]


@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble_before_the_first_word_is_tried_again(
    remote: RemoteTom, trouble: str
) -> None:
    behaviour, _ = TROUBLES[trouble]
    remote.on("*", "/", behaviour)

    outcome, _ = deliver(remote, PARCELS["data points"]())

    assert isinstance(outcome, TryAgain), outcome
    assert outcome.destination_wide


def test_a_destination_that_refuses_connections_is_tried_again(
    remote: RemoteTom,
) -> None:
    remote.refuse()

    outcome, notebook = deliver(remote, PARCELS["data points"]())

    assert isinstance(outcome, TryAgain)
    assert "the connection was refused" in outcome.note
    assert notebook.requests[-1][1] is None


@pytest.mark.parametrize(("status", "as_date"), [(429, False), (503, True)])
def test_the_wish_to_come_back_later_is_handed_on(
    remote: RemoteTom, status: int, as_date: bool
) -> None:
    remote.on("POST", "/", misbehaviour.later(status, 30, as_date=as_date))

    outcome, _ = deliver(remote, PARCELS["data points"]())

    assert isinstance(outcome, TryAgain)
    assert outcome.retry_after == pytest.approx(30, abs=2)


@pytest.mark.parametrize("kind", PARCELS)
@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        (misbehaviour.redirect(302, "/accounts/login/?next=/"), Blocked),
        (misbehaviour.expired_token, Blocked),
        (misbehaviour.redirect(301, "https://new.example.org/"), Refused),
    ],
    ids=["login page", "401", "moved"],
)
def test_trouble_with_our_settings_is_not_tried_on_and_on(
    remote: RemoteTom, kind: str, behaviour: Behaviour, expected: type
) -> None:
    remote.on(*WRITES[kind], behaviour)

    outcome, _ = deliver(remote, PARCELS[kind]())

    assert isinstance(outcome, expected)


@pytest.mark.parametrize("kind", PARCELS)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_write_follows_a_redirect(remote: RemoteTom, kind: str, status: int) -> None:
    method, path = WRITES[kind]
    remote.on(method, path, misbehaviour.redirect(status, f"{remote.url}elsewhere/"))

    outcome, _ = deliver(remote, PARCELS[kind]())

    assert not isinstance(outcome, Delivered)
    assert not [r for r in remote.requests if r.path.startswith("/elsewhere")]


@pytest.mark.parametrize(
    "location", ["http://[::1", "http://", "", "//\\x", "ftp://x/"]
)
@pytest.mark.parametrize("kind", PARCELS)
def test_a_redirect_to_nowhere_is_put_into_words(
    remote: RemoteTom, kind: str, location: str
) -> None:
    remote.on(*WRITES[kind], misbehaviour.redirect(302, location))

    outcome, _ = deliver(remote, PARCELS[kind]())

    assert isinstance(outcome, TryAgain)
    assert "redirects to" in outcome.note


SHAPES: list[Any] = [[], {}, "text", 3, None, {"results": {}}, {"results": [1, None]}]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("path", ["/api/targets/", "/api/"])
@pytest.mark.parametrize("kind", PARCELS)
def test_json_of_a_wrong_shape_never_ends_as_a_fault_of_ours(
    remote: RemoteTom, kind: str, path: str, shape: Any
) -> None:
    remote.on("*", path, misbehaviour.answer(200, shape))

    outcome, _ = deliver(remote, PARCELS[kind]())

    assert getattr(outcome, "failure", None) != Failure.OUR_FAULT
    assert not remote.store.datums
    assert not remote.store.products


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_token_of_a_wrong_shape_is_done_without(
    remote: RemoteTom, shape: Any
) -> None:
    remote.on("POST", "/api/token-auth/", misbehaviour.answer(200, shape))

    outcome, _ = deliver(remote, PARCELS["data points"]())

    assert isinstance(outcome, Delivered)
