"""What counts as the same: no other target's data, and no data point twice."""

from __future__ import annotations

import pytest

from tests.support.conversations import (
    NAME,
    card,
    datums_parcel,
    deliver,
    photometry,
    target_parcel,
)
from tests.support.remote_tom import RemoteTom
from tom_share_worker.delivery.destinations.tom import matching
from tom_share_worker.delivery.outcomes import Delivered, Refused
from tom_share_worker.models import Failure

EMPTY_NAMES = ["-", "--", " ", "()", "_"]
"""Names that are nothing once case, spaces, dashes and brackets are taken away."""


@pytest.mark.parametrize("alias", EMPTY_NAMES)
def test_two_aliases_that_say_nothing_do_not_make_a_match(alias: str) -> None:
    found = [{"id": 7, "name": "Quite Another Star", "aliases": [{"name": "--"}]}]

    assert matching.match(card(NAME, alias), found) is None


@pytest.mark.parametrize("alias", EMPTY_NAMES)
def test_data_do_not_go_to_a_target_whose_alias_says_nothing_either(
    remote: RemoteTom, alias: str
) -> None:
    remote.store.add_target("Quite Another Star", "--", ra=200.0, dec=1.0)

    outcome, _ = deliver(remote, datums_parcel(photometry(1), of=card(NAME, alias)))

    assert isinstance(outcome, Refused)
    assert outcome.failure == Failure.NO_MATCHING_TARGET
    assert remote.store.datums == []


@pytest.mark.parametrize("alias", EMPTY_NAMES)
def test_names_that_say_nothing_are_not_searched_for(
    remote: RemoteTom, alias: str
) -> None:
    deliver(remote, datums_parcel(photometry(1), of=card(NAME, alias)))

    searched = [request.query.get("name") for request in remote.asked("GET", "/api/")]
    assert NAME in searched
    assert alias not in searched


def test_a_target_is_made_anew_beside_one_whose_alias_says_nothing(
    remote: RemoteTom,
) -> None:
    remote.store.add_target("Quite Another Star", "--", ra=200.0, dec=1.0)

    outcome, _ = deliver(remote, target_parcel(card(NAME, "-")))

    assert outcome == Delivered("Remote TOM created this target.")
    assert [target["name"] for target in remote.store.targets][1:] == [NAME]


def test_photometry_without_brightness_or_limit_shared_twice_is_held_once(
    remote: RemoteTom,
) -> None:
    remote.store.add_target(NAME)
    row = photometry(1, brightness=None, value={"note": "seen by eye"})

    first, first_book = deliver(remote, datums_parcel(row))
    second, second_book = deliver(remote, datums_parcel(row))

    assert isinstance(first, Delivered)
    assert isinstance(second, Delivered)
    assert first_book.fates() != second_book.fates()
    assert len(remote.store.datums) == 1
