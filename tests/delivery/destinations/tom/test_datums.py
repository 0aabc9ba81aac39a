"""Sending data points to a stock TOM: each gets its own fate, each arrives once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import misbehaviour
from tests.support.conversations import (
    NAME,
    Notebook,
    card,
    datums_parcel,
    deliver,
    photometry,
    settings_of,
)
from tests.support.remote_tom import RemoteTom
from tests.support.rows import magnitudes
from tom_share_worker.delivery.destinations import open_destination
from tom_share_worker.delivery.ledger import Key, Ledger
from tom_share_worker.delivery.outcomes import Delivered, Interrupted, Refused, TryAgain
from tom_share_worker.models import Failure

POSTS = ("POST", "/api/reduceddatums/")


@pytest.fixture
def target(remote: RemoteTom) -> dict[str, Any]:
    """The target as the remote has it."""
    return remote.store.add_target(NAME)


@pytest.mark.usefixtures("target")
def test_a_batch_arrives(remote: RemoteTom) -> None:
    outcome, notebook = deliver(remote, datums_parcel(*map(photometry, range(20))))

    assert outcome == Delivered("20 delivered.")
    assert remote.store.magnitudes(NAME) == magnitudes(20)
    assert notebook.ledger.counts()["delivered_count"] == 20


@pytest.mark.usefixtures("target")
def test_a_batch_that_is_there_already_adds_nothing(remote: RemoteTom) -> None:
    parcel = datums_parcel(*map(photometry, range(5)))
    deliver(remote, parcel)

    outcome, notebook = deliver(remote, parcel)

    assert outcome == Delivered("5 already there.")
    assert set(notebook.fates()) == {"already there"}
    assert len(remote.store.datums) == 5


def test_without_a_matching_target_nothing_is_sent(remote: RemoteTom) -> None:
    outcome, notebook = deliver(remote, datums_parcel(photometry(1)))

    assert isinstance(outcome, Refused)
    assert outcome.failure == Failure.NO_MATCHING_TARGET
    assert NAME in outcome.note
    assert not remote.asked(*POSTS)
    assert notebook.fates() == ["not yet"]


@pytest.mark.usefixtures("target")
def test_one_bad_data_point_does_not_spoil_the_batch(remote: RemoteTom) -> None:
    bad = photometry(1, bandpass="")
    long = photometry(2, source_name="s" * 100)  # the remote's own rule refuses it
    remote.on(
        *POSTS, misbehaviour.answer(400, {"timestamp": ["Bad."]}), skip=1, times=1
    )

    outcome, notebook = deliver(
        remote, datums_parcel(photometry(0), bad, long, photometry(3), None)
    )

    assert outcome == Delivered("2 delivered, 3 refused.")
    assert notebook.fates() == [
        *("delivered", "refused", "refused", "delivered", "refused")
    ]
    reasons = [reason for _, reason in notebook.ledger.refused()]
    assert "no filter" in reasons[0]
    assert "timestamp: Bad" in reasons[1]
    assert "deleted" in reasons[2]


@pytest.mark.usefixtures("target")
def test_a_batch_of_which_nothing_is_accepted_is_refused(remote: RemoteTom) -> None:
    outcome, _ = deliver(remote, datums_parcel(photometry(1, bandpass="")))

    assert isinstance(outcome, Refused)
    assert outcome.failure == Failure.REFUSED_DATA
    assert "no filter" in outcome.note


@pytest.mark.usefixtures("target")
def test_an_internal_error_for_one_data_point_leaves_the_rest_going(
    remote: RemoteTom,
) -> None:
    remote.on(*POSTS, misbehaviour.html(500), skip=1, times=1)

    outcome, notebook = deliver(remote, datums_parcel(*map(photometry, range(4))))

    assert isinstance(outcome, TryAgain)
    assert not outcome.destination_wide
    assert notebook.fates() == ["delivered", "not yet", "delivered", "delivered"]


@pytest.mark.parametrize(
    "theirs",
    [(NAME,), ("sn2026ABC",), ("another name", "SN-2026abc")],
    ids=["same name", "other spelling", "an alias, spelt otherwise"],
)
def test_a_repeat_that_meets_an_internal_error_is_found_to_be_there(
    remote: RemoteTom, theirs: tuple[str, ...]
) -> None:
    target = remote.store.add_target(*theirs)
    known = card(remote_id=str(target["id"]))
    parcel = datums_parcel(*map(photometry, range(3)), of=known)
    deliver(remote, parcel)
    remote.on(*POSTS, misbehaviour.html(500))  # as TOM Toolkit 3.0.0 answers a repeat

    outcome, notebook = deliver(remote, parcel)

    assert outcome == Delivered("3 already there.")
    assert set(notebook.fates()) == {"already there"}


@pytest.mark.usefixtures("target")
def test_three_internal_errors_in_a_row_end_the_attempt(remote: RemoteTom) -> None:
    rule = remote.on(*POSTS, misbehaviour.html(500))

    outcome, notebook = deliver(remote, datums_parcel(*map(photometry, range(50))))

    assert isinstance(outcome, TryAgain)
    assert rule.met == 3
    assert set(notebook.fates()) == {"not yet"}


@pytest.mark.usefixtures("target")
@pytest.mark.parametrize(
    ("poisoned", "fate"),
    [(3, "refused"), (5, "refused"), (12, "not yet")],
    ids=["few are refused in the end", "many are, too", "all are tried on"],
)
def test_data_points_that_always_meet_an_internal_error_do_not_block_the_rest(
    remote: RemoteTom, poisoned: int, fate: str
) -> None:
    remote.on(*POSTS, _spoil_poison)
    rows = {
        Key("photometry", n): photometry(n, bandpass="poison" if n < poisoned else "r")
        for n in range(12)
    }
    notebook = Notebook(datums_parcel())
    notebook.ledger = Ledger.of(rows)
    destination = open_destination(settings_of(remote))

    for attempts in range(6):
        parcel = datums_parcel(attempts=attempts)
        parcel.datums.update({key: rows[key] for key in notebook.ledger.pending()})
        destination.deliver(parcel, notebook)

    assert remote.store.magnitudes(NAME) == magnitudes(12)[poisoned:]
    assert notebook.fates() == [fate] * poisoned + ["delivered"] * (12 - poisoned)


def _spoil_poison(exchange: misbehaviour.Exchange) -> None:
    spoilt = b"poison" in exchange.asked.body
    exchange.send(misbehaviour.Reply(500) if spoilt else exchange.act())


@pytest.mark.usefixtures("target")
def test_a_server_that_fails_for_hours_makes_no_data_point_refused(
    remote: RemoteTom,
) -> None:
    rows = [photometry(n) for n in range(12)]
    deliver(remote, datums_parcel(*rows[:6]))
    remote.on(*POSTS, misbehaviour.html(500))

    outcome, notebook = deliver(remote, datums_parcel(*rows[6:], attempts=9))

    assert isinstance(outcome, TryAgain)
    assert set(notebook.fates()) == {"not yet"}


@pytest.mark.parametrize(
    "trouble",
    [misbehaviour.act_then_cut, misbehaviour.half_answer, misbehaviour.act_then_hang],
    ids=["cut", "half an answer", "silence"],
)
@pytest.mark.parametrize("value", ["magnitude", "limit", "neither"])
@pytest.mark.usefixtures("target")
def test_a_lost_answer_does_not_double_a_data_point(
    remote: RemoteTom, settings: Any, trouble: misbehaviour.Behaviour, value: str
) -> None:
    settings.TOM_SHARE_WORKER = {"READ_TIMEOUT": 0.3}
    change: dict[str, Any] = {"magnitude": {}, "limit": {"limit": 20.5}}.get(value, {})
    if value != "magnitude":
        change["brightness"] = None
    rows = [photometry(n, exposure_time=30.0, **change) for n in range(3)]
    remote.on(*POSTS, trouble, skip=1, times=1)

    first, _ = deliver(remote, datums_parcel(*rows))
    second, notebook = deliver(remote, datums_parcel(*rows, attempts=1))

    assert isinstance(first, TryAgain)
    assert first.destination_wide
    assert isinstance(second, Delivered)
    assert len(remote.store.datums) == 3
    assert "not yet" not in notebook.fates()


def test_an_id_that_is_no_longer_theirs_is_looked_up_anew(remote: RemoteTom) -> None:
    target = remote.store.add_target(NAME)
    parcel = datums_parcel(*map(photometry, range(3)), of=card(remote_id="9999"))

    outcome, notebook = deliver(remote, parcel)

    assert outcome == Delivered("3 delivered.")
    assert notebook.targets == [None, str(target["id"])]
    assert len(remote.store.datums) == 3


def test_a_target_that_we_may_not_write_to_is_said_so(remote: RemoteTom) -> None:
    target = remote.store.add_target(NAME)
    words = {"target": ['Invalid pk "1" - object does not exist.']}
    remote.on(*POSTS, misbehaviour.answer(400, words))

    outcome, notebook = deliver(
        remote, datums_parcel(photometry(0), of=card(remote_id=str(target["id"])))
    )

    assert isinstance(outcome, Refused)
    assert outcome.failure == Failure.PERMISSION_MISSING
    assert notebook.fates() == ["not yet"]


@pytest.mark.usefixtures("target")
def test_a_worker_that_must_stop_hands_back_between_two_data_points(
    remote: RemoteTom,
) -> None:
    parcel = datums_parcel(*map(photometry, range(10)))

    outcome, notebook = deliver(remote, parcel, stop_after=4)

    assert isinstance(outcome, Interrupted)
    assert notebook.fates() == ["delivered"] * 4 + ["not yet"] * 6
    assert len(remote.store.datums) == 4
