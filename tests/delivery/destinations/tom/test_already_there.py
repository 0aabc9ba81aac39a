"""What a TOM says of a data point is checked before it is believed."""

from __future__ import annotations

from typing import Any

import pytest
from tom_dataproducts.models import SpectroscopyReducedDatum

from tests.support import misbehaviour
from tests.support.conversations import NAME, datums_parcel, deliver, photometry
from tests.support.remote_releases import V2_32, V3_0
from tests.support.remote_tom import RemoteTom
from tom_share_worker.delivery.outcomes import Delivered, Interrupted, Refused, TryAgain
from tom_share_worker.models import Failure

POSTS = ("POST", "/api/reduceddatums/")


@pytest.fixture(autouse=True)
def target(remote: RemoteTom) -> dict[str, Any]:
    """The target as the remote has it."""
    return remote.store.add_target(NAME)


def test_another_data_point_of_that_time_is_no_proof_that_ours_is_there(
    remote: RemoteTom, target: dict[str, Any]
) -> None:
    other = {"brightness": 11.0, "bandpass": "r", "brightness_error": None}
    shown = {
        "target": target["id"],
        "data_type": "photometry",
        "timestamp": photometry(1).timestamp.isoformat(),
        "value": other,
        "already_exists": True,
    }
    remote.on(*POSTS, misbehaviour.answer(200, shown))

    outcome, notebook = deliver(remote, datums_parcel(photometry(1)))

    assert isinstance(outcome, Refused)
    assert outcome.failure == Failure.REFUSED_DATA
    assert notebook.fates() == ["refused"]
    assert "did not store this one" in notebook.ledger.refused()[0][1]


def test_ours_is_found_behind_another_one_of_that_time(
    remote: RemoteTom, target: dict[str, Any]
) -> None:
    deliver(remote, datums_parcel(photometry(1)))
    shown = {
        "target": target["id"],
        "data_type": "photometry",
        "timestamp": photometry(1).timestamp.isoformat(),
        "value": {"brightness": 11.0, "bandpass": "r"},
        "already_exists": True,
    }
    remote.on(*POSTS, misbehaviour.answer(200, shown))

    outcome, notebook = deliver(remote, datums_parcel(photometry(1)))

    assert outcome == Delivered("1 already there.")
    assert notebook.fates() == ["already there"]


_ALIKE = pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"reduction_version": "v1"}, {"reduction_version": "v2"}),
        ({"brightness": None, "limit": 20.0}, {"brightness": None, "limit": 21.0}),
    ],
    ids=["version", "limit"],
)


@_ALIKE
def test_one_that_only_looks_like_ours_is_no_proof_after_an_internal_error(
    remote: RemoteTom, theirs: dict[str, Any], ours: dict[str, Any]
) -> None:
    remote.on(*POSTS, misbehaviour.html(500), skip=1, times=1)
    two = photometry(1, **theirs), photometry(1, **ours)

    outcome, notebook = deliver(remote, datums_parcel(*two))

    assert isinstance(outcome, TryAgain)
    assert notebook.fates() == ["delivered", "not yet"]


@_ALIKE
def test_one_that_a_release_has_no_room_for_is_not_called_there(
    theirs: dict[str, Any], ours: dict[str, Any]
) -> None:
    """TOM Toolkit 3.0.0 keeps one for each time and filter, and fails at others."""
    with RemoteTom(release=V3_0) as lab:
        lab.store.add_target(NAME)
        two = photometry(1, **theirs), photometry(1, **ours)

        outcome, notebook = deliver(lab, datums_parcel(*two, attempts=4))

    assert isinstance(outcome, Delivered)
    assert notebook.fates() == ["delivered", "refused"]
    assert "has room for one only" in notebook.ledger.refused()[0][1]


def test_a_release_that_shows_all_proves_that_ours_is_there_from_another_source() -> (
    None
):
    with RemoteTom(release=V2_32) as lab:
        lab.store.add_target(NAME)
        versioned = {"reduction_version": "v1", "source_location": ""}
        deliver(lab, datums_parcel(photometry(1, source_name="Survey", **versioned)))
        ours = photometry(1, source_name="Another", **versioned)

        outcome, _ = deliver(lab, datums_parcel(ours))

    assert outcome == Delivered("1 already there.")


def test_many_corrected_data_points_are_judged_by_one_look(remote: RemoteTom) -> None:
    """The other TOM keeps what it has, and says so of each."""
    deliver(remote, datums_parcel(*map(photometry, range(30))))
    corrected = [photometry(n, brightness_error=0.02) for n in range(20)]

    outcome, notebook = deliver(remote, datums_parcel(*corrected, photometry(99)))

    assert outcome == Delivered("1 delivered, 20 refused.")
    assert notebook.fates() == ["refused"] * 20 + ["delivered"]
    assert len(remote.asked("GET", "/api/reduceddatums/")) == 1


def test_what_was_not_judged_before_a_stop_stays_open(remote: RemoteTom) -> None:
    deliver(remote, datums_parcel(*map(photometry, range(4))))
    corrected = [photometry(n, brightness_error=0.02) for n in range(4)]

    outcome, notebook = deliver(remote, datums_parcel(*corrected), stop_after=2)

    assert outcome == Interrupted()
    assert notebook.fates() == ["not yet"] * 4


@pytest.mark.parametrize("said", [{}, {"status": "ok"}, [], "thanks", 1])
def test_json_that_names_no_target_is_no_success(remote: RemoteTom, said: Any) -> None:
    remote.on(*POSTS, misbehaviour.answer(201, said))

    outcome, notebook = deliver(remote, datums_parcel(photometry(1), photometry(2)))

    assert isinstance(outcome, TryAgain)
    assert outcome.destination_wide
    assert notebook.fates() == ["not yet", "not yet"]


def test_a_lone_data_point_that_always_meets_an_internal_error_is_refused_in_the_end(
    remote: RemoteTom,
) -> None:
    remote.on(*POSTS, misbehaviour.html(500))

    early, _ = deliver(remote, datums_parcel(photometry(1), attempts=3))
    late, notebook = deliver(remote, datums_parcel(photometry(1), attempts=4))

    assert isinstance(early, TryAgain)
    assert isinstance(late, Refused)
    assert "internal error" in late.note
    assert notebook.fates() == ["refused"]


def test_reading_back_ends_where_a_release_does_not_know_the_filter(
    remote: RemoteTom, target: dict[str, Any]
) -> None:
    other = remote.store.add_target("Another target")
    rows = [{"target": other["id"], "data_type": "photometry", "value": {}}] * 3
    pages = iter([{"results": rows, "next": "more"}, {"results": [], "next": None}])
    remote.on(
        "GET",
        "/api/reduceddatums/",
        lambda exchange: exchange.send(misbehaviour.Reply.of(200, next(pages))),
    )
    remote.on(*POSTS, misbehaviour.html(500))

    outcome, _ = deliver(remote, datums_parcel(photometry(1)))

    assert isinstance(outcome, TryAgain)
    assert [
        asked.query["offset"] for asked in remote.asked("GET", "/api/reduceddatums/")
    ] == [
        "0",
        "3",
    ]


def test_reading_back_long_spectra_does_not_overflow_an_answer(
    remote: RemoteTom, target: dict[str, Any], settings: Any
) -> None:
    settings.TOM_SHARE_WORKER = {"ANSWER_LIMIT": 200_000}
    flux = [n + 0.123456789 for n in range(500)]
    for minute in range(30):
        remote.store.create_datum(
            {
                "target": target["id"],
                "data_type": "spectroscopy",
                "timestamp": f"2026-01-01T00:{minute:02d}:00+00:00",
                "source_name": "x",
                "source_location": "y",
                "value": {"flux": flux, "wavelength": flux},
            }
        )
    remote.on(*POSTS, misbehaviour.html(500), times=1)
    spectrum = SpectroscopyReducedDatum(
        timestamp=photometry(1).timestamp, flux=[1.0], wavelength=[2.0]
    )

    outcome, notebook = deliver(remote, datums_parcel(spectrum, kind="spectroscopy"))

    assert isinstance(outcome, TryAgain)
    assert not outcome.destination_wide
    assert notebook.fates()[0] == "not yet"
