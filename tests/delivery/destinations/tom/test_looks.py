"""What is there already is found by one look, and nothing else is taken for it."""

from __future__ import annotations

from typing import Any

import pytest
from tom_dataproducts.models import ReducedDatum, SpectroscopyReducedDatum

from tests.support import misbehaviour
from tests.support.conversations import (
    NAME,
    Notebook,
    datums_parcel,
    deliver,
    photometry,
    settings_of,
)
from tests.support.remote_tom import RemoteTom
from tests.support.rows import NIGHT, magnitudes
from tom_share_worker.delivery.destinations import open_destination
from tom_share_worker.delivery.destinations.tom import stored
from tom_share_worker.delivery.outcomes import Delivered, TryAgain
from tom_share_worker.delivery.parcels import STUBBORN_ATTEMPTS

POSTS = ("POST", "/api/reduceddatums/")


@pytest.fixture(autouse=True)
def target(remote: RemoteTom) -> dict[str, Any]:
    """The target as the remote has it."""
    return remote.store.add_target(NAME)


def test_asked_to_look_first_only_what_is_missing_is_sent(remote: RemoteTom) -> None:
    rows = [photometry(n) for n in range(20)]
    deliver(remote, datums_parcel(*rows[:17]))
    before = len(remote.asked(*POSTS))

    outcome, _ = deliver(remote, datums_parcel(*rows, look_first=True))

    assert outcome == Delivered("3 delivered, 17 already there.")
    assert len(remote.asked(*POSTS)) - before == 3
    assert len(remote.asked("GET", "/api/reduceddatums/")) == 1
    assert remote.store.magnitudes(NAME) == magnitudes(20)


def test_another_attempt_sends_only_what_the_first_did_not_bring(
    remote: RemoteTom,
) -> None:
    rows = [photometry(n) for n in range(20)]
    remote.on(*POSTS, misbehaviour.act_then_cut, skip=10, times=1)
    deliver(remote, datums_parcel(*rows))
    before = len(remote.asked(*POSTS))

    outcome, _ = deliver(remote, datums_parcel(*rows, attempts=1))

    assert outcome == Delivered("9 delivered, 11 already there.")
    assert len(remote.asked(*POSTS)) - before == 9
    assert remote.store.magnitudes(NAME) == magnitudes(20)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"reduction_version": "v1"}, {"reduction_version": "v2"}),
        ({"brightness": None, "limit": 20.0}, {"brightness": None, "limit": 21.0}),
        ({"brightness": None, "limit": 20.0}, {}),
        ({"instrument": ""}, {"instrument": "Sinistro"}),
        ({"bandpass": "g"}, {"bandpass": "r"}),
    ],
    ids=["version", "limit", "limit and detection", "instrument", "filter"],
)
def test_a_row_that_is_another_one_is_sent(
    remote: RemoteTom, theirs: dict[str, Any], ours: dict[str, Any]
) -> None:
    deliver(remote, datums_parcel(photometry(1, **theirs)))

    outcome, _ = deliver(remote, datums_parcel(photometry(1, **ours), look_first=True))

    assert outcome == Delivered("1 delivered.")
    assert len(remote.store.datums) == 2


def test_one_without_a_version_is_not_taken_for_our_other_one_that_has_one(
    remote: RemoteTom,
) -> None:
    """The version is not shown, but each says which data point of ours it is."""
    reduced = photometry(1, reduction_version="v1")
    deliver(remote, datums_parcel(reduced))

    outcome, _ = deliver(remote, datums_parcel(reduced, photometry(1), look_first=True))

    assert outcome == Delivered("1 delivered, 1 already there.")
    assert len(remote.store.datums) == 2


def test_many_of_which_nothing_can_be_looked_up_are_read_in_few_pages(
    remote: RemoteTom, target: dict[str, Any]
) -> None:
    """No constraint would catch a repeat, so that all must be read; in large pages."""
    for n in range(5000):
        known = {"target": target["id"], "data_type": "photometry"}
        when = photometry(n).timestamp.isoformat()
        row = known | {"timestamp": when, "value": {"filter": "r"}}
        remote.store.datums.append(remote.release.parse(row))
    new = [photometry(9000 + n, brightness=None) for n in range(3)]

    outcome, _ = deliver(remote, datums_parcel(*new))

    assert outcome == Delivered("3 delivered.")
    assert len(remote.asked("GET", "/api/reduceddatums/")) == 3


def test_data_of_a_kind_of_its_own_are_told_apart(remote: RemoteTom) -> None:
    """A row without values there is not every row of that time."""
    common: dict[str, Any] = {"data_type": "polarimetry", "timestamp": NIGHT}
    empty = ReducedDatum(value={}, telescope="1m0", **common)
    full = ReducedDatum(value={"q": 0.1}, telescope="1m0", **common)
    deliver(remote, datums_parcel(empty, kind="generic"))

    outcome, _ = deliver(
        remote, datums_parcel(empty, full, kind="generic", look_first=True)
    )

    assert outcome == Delivered("1 delivered, 1 already there.")
    assert len(remote.store.datums) == 2


def test_data_that_got_other_names_on_its_way_here_is_not_sent_back(
    remote: RemoteTom,
) -> None:
    """Another TOM takes a free value called as a column for that column."""
    common: dict[str, Any] = {"data_type": "radio", "timestamp": NIGHT}
    arrived = {"extra_telescope": "VLA", "flux_mjy": 1.5}
    echo = ReducedDatum(source_name="VLA", value=arrived, **common)
    deliver(remote, datums_parcel(echo, kind="generic"))
    # There it has the name that its people gave it.
    (theirs,) = remote.store.datums
    theirs["extras"] = {"telescope": "VLA", "flux_mjy": 1.5}
    another = arrived | {"extra_telescope": "GMRT"}
    other = ReducedDatum(source_name="GMRT", value=another, **common)

    outcome, _ = deliver(
        remote, datums_parcel(echo, other, kind="generic", look_first=True)
    )

    assert outcome == Delivered("1 delivered, 1 already there.")
    assert len(remote.store.datums) == 2


def test_a_telescope_beside_a_free_value_of_that_name_does_no_harm(
    remote: RemoteTom,
) -> None:
    """The former is not shown there, the latter is, under another name."""
    common: dict[str, Any] = {"data_type": "radio", "timestamp": NIGHT}
    ours = ReducedDatum(telescope="1m0", value={"telescope": "VLA"}, **common)
    deliver(remote, datums_parcel(ours, kind="generic"))

    outcome, _ = deliver(remote, datums_parcel(ours, kind="generic", look_first=True))

    assert outcome == Delivered("1 already there.")
    assert len(remote.asked(*POSTS)) == 1


def test_two_of_ours_that_look_alike_are_not_taken_for_the_same_one(
    remote: RemoteTom,
) -> None:
    """Neither has what a constraint would catch, and one of them is there."""
    first, second = (
        photometry(1, brightness=None, value={"note": note}) for note in "ab"
    )
    deliver(remote, datums_parcel(first))

    outcome, _ = deliver(remote, datums_parcel(first, second, look_first=True))

    assert outcome == Delivered("1 delivered, 1 already there.")
    assert len(remote.store.datums) == 2


def test_spectra_are_not_read_back_to_save_requests(remote: RemoteTom) -> None:
    """A page of them may be too long an answer, and end the delivery."""
    spectrum = SpectroscopyReducedDatum(timestamp=NIGHT, flux=[1.0], wavelength=[4e3])
    deliver(remote, datums_parcel(spectrum, kind="spectroscopy"))

    outcome, _ = deliver(
        remote, datums_parcel(spectrum, kind="spectroscopy", look_first=True)
    )

    assert outcome == Delivered("1 already there.")
    assert not remote.asked("GET", "/api/reduceddatums/")


def test_a_target_with_far_more_data_is_not_read_to_save_requests(
    remote: RemoteTom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "PAGE", 2)
    monkeypatch.setattr(stored, "PAGES_AHEAD", 2)
    rows = [photometry(n) for n in range(8)]
    deliver(remote, datums_parcel(*rows))

    outcome, _ = deliver(remote, datums_parcel(*rows, look_first=True))

    assert outcome == Delivered("8 already there.")
    assert len(remote.asked("GET", "/api/reduceddatums/")) == 1


def _spoil_poison(exchange: misbehaviour.Exchange) -> None:
    spoilt = b"poison" in exchange.asked.body
    exchange.send(misbehaviour.Reply(500) if spoilt else exchange.act())


@pytest.mark.parametrize("elsewhere", [True, False])
def test_a_whole_batch_that_cannot_be_stored_is_refused_where_others_arrive(
    remote: RemoteTom, elsewhere: bool
) -> None:
    remote.on(*POSTS, _spoil_poison)
    rows = [photometry(n, bandpass="poison") for n in range(10)]

    outcome, notebook = deliver(
        remote,
        datums_parcel(*rows, attempts=STUBBORN_ATTEMPTS, others_arrive=elsewhere),
    )

    assert isinstance(outcome, TryAgain) is not elsewhere
    assert set(notebook.fates()) == {"refused" if elsewhere else "not yet"}
    assert len(remote.asked("GET", "/api/reduceddatums/")) <= 2


def test_a_server_that_fills_up_in_the_middle_makes_no_data_point_refused(
    remote: RemoteTom,
) -> None:
    """What arrived before the trouble is no proof that it stores anything now."""
    parcel = datums_parcel(*map(photometry, range(12)))
    notebook = Notebook(parcel)
    remote.on(*POSTS, misbehaviour.html(500), skip=6)

    for attempts in range(9):
        pending = {key: parcel.datums[key] for key in notebook.ledger.pending()}
        again = datums_parcel(attempts=attempts)
        again.datums.update(pending)
        open_destination(settings_of(remote)).deliver(again, notebook)

    assert notebook.fates() == ["delivered"] * 6 + ["not yet"] * 6


def test_a_row_that_failed_once_and_is_stored_later_counts_as_delivered(
    remote: RemoteTom,
) -> None:
    parcel = datums_parcel(*map(photometry, range(6)))
    notebook = Notebook(parcel)
    remote.on(*POSTS, misbehaviour.html(500), skip=2, times=2)

    for attempts in range(2):
        again = datums_parcel(attempts=attempts)
        again.datums.update(
            {key: parcel.datums[key] for key in notebook.ledger.pending()}
        )
        open_destination(settings_of(remote)).deliver(again, notebook)

    assert notebook.fates() == ["delivered"] * 6
    assert remote.store.magnitudes(NAME) == magnitudes(6)
