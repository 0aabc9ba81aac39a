"""Several targets there match: the candidates go to a person, whose choice is kept."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.support.conversations import (
    NAME,
    card,
    datums_parcel,
    deliver,
    photometry,
    product_parcel,
    target_parcel,
)
from tests.support.remote_tom import RemoteTom
from tom_share_worker.delivery.destinations.tom import matching
from tom_share_worker.delivery.outcomes import Delivered, Refused
from tom_share_worker.delivery.parcels import Parcel, TargetCard
from tom_share_worker.models import Failure


def parcels(of: TargetCard) -> list[Parcel]:
    return [
        target_parcel(of),
        datums_parcel(photometry(0), of=of),
        product_parcel(of=of),
    ]


@pytest.fixture
def twins(remote: RemoteTom) -> list[str]:
    """Two targets there that differ from ours in spelling only."""
    made = [
        remote.store.add_target("SN2026abc", "ZTF26x", ra=10.0, dec=5.0),
        remote.store.add_target("sn 2026ABC", ra=200.0, dec=1.0),
    ]
    return [str(target["id"]) for target in made]


@pytest.mark.parametrize("kind", range(3), ids=["target", "data", "file"])
def test_candidates_come_with_all_a_person_needs_to_tell_them_apart(
    remote: RemoteTom, twins: list[str], kind: int
) -> None:
    outcome, notebook = deliver(remote, parcels(card())[kind])

    assert isinstance(outcome, Refused)
    assert outcome.failure == Failure.AMBIGUOUS_TARGET
    assert outcome.candidates == (
        {
            "id": twins[0],
            "name": "SN2026abc",
            "aliases": ["ZTF26x"],
            "ra": 10.0,
            "dec": 5.0,
            "type": "SIDEREAL",
        },
        {
            "id": twins[1],
            "name": "sn 2026ABC",
            "aliases": [],
            "ra": 200.0,
            "dec": 1.0,
            "type": "SIDEREAL",
        },
    )
    assert "A person must choose" in outcome.note
    assert notebook.targets == []
    assert not remote.asked("POST", "/api/targets/")


@pytest.mark.parametrize("kind", range(3), ids=["target", "data", "file"])
def test_what_was_chosen_gets_everything_and_nobody_is_asked_again(
    remote: RemoteTom, twins: list[str], kind: int
) -> None:
    chosen = card(remote_id=twins[1], chosen=True)

    outcome, notebook = deliver(remote, parcels(chosen)[kind])

    assert isinstance(outcome, Delivered)
    assert notebook.link == f"{remote.url}targets/{twins[1]}/"
    theirs = remote.store.targets[1]["id"]
    held = remote.store.datums + remote.store.products
    assert {row["target"] for row in held} <= {theirs}
    assert remote.store.targets[0]["target_lists"] == []


@pytest.mark.parametrize("kind", range(3), ids=["target", "data", "file"])
def test_when_the_chosen_one_is_gone_no_other_is_taken_in_silence(
    remote: RemoteTom, twins: list[str], kind: int
) -> None:
    remote.store.delete_target(int(twins[1]))
    chosen = card(remote_id=twins[1], chosen=True)

    outcome, notebook = deliver(remote, parcels(chosen)[kind])

    assert isinstance(outcome, Refused)
    assert outcome.failure == Failure.AMBIGUOUS_TARGET
    assert [one["id"] for one in outcome.candidates] == [twins[0]]
    assert outcome.instead_of == twins[1]
    assert "no longer" in outcome.note
    assert notebook.targets == []


@pytest.mark.parametrize("kind", range(3), ids=["target", "data", "file"])
def test_when_several_match_again_a_person_is_asked_again(
    remote: RemoteTom, twins: list[str], kind: int
) -> None:
    third = remote.store.add_target("SN-2026-abc", ra=10.0, dec=5.0001)
    remote.store.delete_target(int(twins[1]))

    outcome, _ = deliver(remote, parcels(card(remote_id=twins[1], chosen=True))[kind])

    assert isinstance(outcome, Refused)
    assert {one["id"] for one in outcome.candidates} == {twins[0], str(third["id"])}
    assert outcome.instead_of == twins[1]


def test_a_name_found_in_another_spelling_does_not_hide_its_twin(
    remote: RemoteTom,
) -> None:
    """The first search finds one, the second the other: which is it?"""
    remote.store.add_target("sn 2026ABC")
    remote.store.add_target("SN2026abc")

    outcome, _ = deliver(remote, datums_parcel(photometry(0)))

    assert isinstance(outcome, Refused)
    assert len(outcome.candidates) == 2


def test_two_aliases_of_ours_that_are_two_targets_there_are_for_a_person(
    remote: RemoteTom,
) -> None:
    remote.store.add_target("ZTF26x")
    remote.store.add_target("Gaia26y")

    outcome, _ = deliver(
        remote, datums_parcel(photometry(0), of=card(NAME, "ZTF26x", "Gaia26y"))
    )

    assert isinstance(outcome, Refused)
    assert len(outcome.candidates) == 2


def test_a_candidate_of_odd_content_is_made_fit_for_a_page() -> None:
    odd: dict[str, Any] = {"id": 7, "name": "a\0b", "ra": True, "dec": math.inf}
    odd |= {"aliases": [{"name": None}, 3, {"name": "\ud800"}], "type": None}

    assert matching.candidate(odd) == {
        "id": "7",
        "name": "ab",
        "aliases": ["?"],
        "ra": None,
        "dec": None,
        "type": "",
    }
