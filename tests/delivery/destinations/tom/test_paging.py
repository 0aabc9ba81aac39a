"""A look at what is there is bounded, ends, and takes nothing down with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tom_dataproducts.models import ReducedDatum

from tests.support import misbehaviour
from tests.support.conversations import (
    NAME,
    datums_parcel,
    deliver,
    photometry,
    product_parcel,
)
from tests.support.misbehaviour import Behaviour
from tests.support.remote_releases import V2_32
from tests.support.remote_tom import RemoteTom
from tests.support.rows import NIGHT
from tom_share_worker.delivery.destinations.tom import listing, stored
from tom_share_worker.delivery.outcomes import Delivered, Interrupted, TryAgain
from tom_share_worker.delivery.parcels import Home

DATUMS = "/api/reduceddatums/"
LIMITS = {"READ_TIMEOUT": 0.7, "TOTAL_TIMEOUT": 1.2, "ANSWER_LIMIT": 20_000}


@pytest.fixture(autouse=True)
def target(remote: RemoteTom, settings: Any) -> dict[str, Any]:
    """The target as the remote has it."""
    settings.TOM_SHARE_WORKER = LIMITS
    return remote.store.add_target(NAME)


def fit(night: int, size: int) -> ReducedDatum:
    """Return a data point of a kind of its own that is so many bytes long."""
    when = NIGHT + timedelta(days=night)
    return ReducedDatum(data_type="fit", timestamp=when, value={"x": "x" * size})


def looks(remote: RemoteTom) -> list[dict[str, str]]:
    return [asked.query for asked in remote.asked("GET", DATUMS)]


def test_a_page_that_is_too_long_is_asked_for_again_ten_times_smaller() -> None:
    """Before 3.0 photometry holds and shows free values of any length."""
    with RemoteTom(release=V2_32) as remote:
        remote.store.add_target(NAME)
        rows = [photometry(n, value={"alert": "x" * 2000}) for n in range(40)]
        deliver(remote, datums_parcel(*rows))

        # It answers a repeat with an internal error; the oldest is on the last page.
        outcome, _ = deliver(remote, datums_parcel(rows[0]))

        assert outcome == Delivered("1 already there.")
        sizes = [int(query["limit"]) for query in looks(remote)]
        assert list(dict.fromkeys(sizes)) == [2000, 200, 20, 2]
        assert sizes[0] == stored.PAGE
        assert len(sizes) == 3 + 20


@pytest.mark.parametrize(
    ("behaviour", "requests"),
    [
        (misbehaviour.endless, 5),
        (misbehaviour.hang, 1),
        (misbehaviour.trickle, 1),
        (misbehaviour.html(500), 1),
    ],
    ids=["too long", "silent", "too slow", "internal error"],
)
def test_a_look_that_only_saves_requests_stops_nothing(
    remote: RemoteTom, behaviour: Behaviour, requests: int
) -> None:
    """And one that was too slow is not made again with smaller pages."""
    remote.on("GET", DATUMS, behaviour)
    rows = map(photometry, range(3))

    outcome, _ = deliver(remote, datums_parcel(*rows, look_first=True))

    assert outcome == Delivered("3 delivered.")
    assert len(looks(remote)) == requests


@pytest.mark.parametrize(
    "behaviour",
    [misbehaviour.html(503), misbehaviour.cut, misbehaviour.expired_token],
    ids=["overloaded", "cut", "refused"],
)
def test_a_look_that_shows_trouble_of_the_whole_destination_ends_the_attempt(
    remote: RemoteTom, behaviour: Behaviour
) -> None:
    remote.on("GET", DATUMS, behaviour)

    outcome, _ = deliver(remote, datums_parcel(photometry(1), look_first=True))

    assert not isinstance(outcome, Delivered)
    assert not remote.asked("POST", DATUMS)


def test_large_rows_that_are_there_do_not_keep_a_small_one_back(
    remote: RemoteTom,
) -> None:
    deliver(remote, datums_parcel(*(fit(n, 30_000) for n in range(4)), kind="generic"))

    outcome, _ = deliver(
        remote, datums_parcel(fit(9, 10), kind="generic", look_first=True)
    )

    assert outcome == Delivered("1 delivered.")


def test_a_row_too_long_to_be_read_back_does_not_make_the_destination_back_off(
    remote: RemoteTom,
) -> None:
    deliver(remote, datums_parcel(fit(1, 30_000), kind="generic"))
    remote.on("POST", DATUMS, misbehaviour.html(500))

    outcome, notebook = deliver(remote, datums_parcel(fit(9, 10), kind="generic"))

    assert isinstance(outcome, TryAgain)
    assert not outcome.destination_wide
    assert "ANSWER_LIMIT" in outcome.note
    assert notebook.fates() == ["not yet"]


def test_a_needed_look_that_gets_no_answer_is_made_once(remote: RemoteTom) -> None:
    remote.on("POST", DATUMS, misbehaviour.html(500))
    remote.on("GET", DATUMS, misbehaviour.hang)

    outcome, notebook = deliver(remote, datums_parcel(photometry(1)))

    assert isinstance(outcome, TryAgain)
    assert outcome.destination_wide
    assert notebook.fates() == ["not yet"]
    assert len(looks(remote)) == 1


@pytest.mark.parametrize("said", [{}, {"count": 150}], ids=["no count", "count"])
def test_a_look_ends_where_the_other_side_knows_no_offset(
    remote: RemoteTom, target: dict[str, Any], said: dict[str, int]
) -> None:
    row = {"target": target["id"], "data_type": "photometry", "value": {}}
    rows = [row | {"timestamp": f"2025-01-01T00:00:{n:02}Z"} for n in range(60)]
    page = {"next": f"{remote.url}api/reduceddatums/?page=2", "results": rows}
    remote.on("GET", DATUMS, misbehaviour.answer(200, page | said))
    remote.on("POST", DATUMS, misbehaviour.html(500))

    deliver(remote, datums_parcel(photometry(1)))

    assert len(looks(remote)) == 2


def test_rows_that_look_alike_on_pages_of_one_are_all_read(
    remote: RemoteTom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "PAGE", 1)
    common: dict[str, Any] = {"brightness": None, "source_name": "Survey"}
    three = [photometry(1, value={"note": note}, **common) for note in "abc"]
    deliver(remote, datums_parcel(*three))

    outcome, _ = deliver(remote, datums_parcel(*three))

    assert outcome == Delivered("3 already there.")


def test_a_worker_that_must_stop_hands_back_between_two_pages(
    remote: RemoteTom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "PAGE", 2)
    deliver(remote, datums_parcel(*map(photometry, range(8))))

    outcome, notebook = deliver(
        remote, datums_parcel(photometry(9), look_first=True), stop_after=2
    )

    assert outcome == Interrupted()
    assert notebook.fates() == ["not yet"]
    assert len(looks(remote)) == 2


def test_a_worker_that_must_stop_uploads_nothing_after_a_page_of_products(
    remote: RemoteTom, target: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    for number in range(4):
        deliver(remote, product_parcel(product_id=f"other:{number}"))
    before = len(remote.asked("POST", "/api/dataproducts/"))
    home = Home(str(target["id"]), "99", "none/image.fits")

    outcome, _ = deliver(remote, product_parcel(home=home), stop_after=0)

    assert outcome == Interrupted()
    assert len(remote.asked("POST", "/api/dataproducts/")) == before
