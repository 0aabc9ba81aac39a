"""Which of another TOM's targets is ours; nothing is guessed."""

from __future__ import annotations

from typing import Any

import pytest

from tom_share_worker.delivery.destinations.tom import matching
from tom_share_worker.delivery.destinations.tom.matching import Ambiguous
from tom_share_worker.delivery.parcels import TargetCard


def card(*names: str) -> TargetCard:
    return TargetCard(names[0], names, ra=10.0, dec=5.0, remote_id=None)


def theirs(pk: int, name: Any, *aliases: str) -> dict[str, Any]:
    return {
        "id": pk,
        "name": name,
        "aliases": [{"id": 1, "name": alias} for alias in aliases],
    }


@pytest.mark.parametrize(
    ("ours", "found", "expected"),
    [
        (card("SN 2026abc"), [theirs(1, "SN 2026abc")], "1"),
        (card("SN 2026abc"), [theirs(1, "sn2026ABC")], "1"),  # as the host compares
        (card("SN 2026abc"), [theirs(1, "SN-2026_abc")], "1"),
        (card("SN 2026abc"), [theirs(1, "SN (2026abc)")], "1"),
        (card("SN 2026abc"), [theirs(1, "ZTF26x", "SN 2026abc")], "1"),
        (card("SN 2026abc", "ZTF26x"), [theirs(1, "ZTF26x")], "1"),
        (card("SN 2026ab"), [theirs(1, "SN 2026abc")], None),  # only part of a name
        (card("SN 2026abc"), [], None),
        (card("SN 2026abc"), [theirs(1, None)], None),
        (card("a"), [theirs(1, "b"), theirs(2, "a"), theirs(3, "ab")], "2"),
        # Found by two searches, it is still one.
        (card("a", "b"), [theirs(1, "a", "b"), theirs(1, "a", "b")], "1"),
        # Two match, and one of them by the very name.
        (card("SN 1"), [theirs(1, "SN1"), theirs(2, "SN 1")], "2"),
    ],
)
def test_the_one_target_that_has_a_name_of_ours_is_it(
    ours: TargetCard, found: list[dict[str, Any]], expected: str | None
) -> None:
    matched = matching.match(ours, found)

    assert (matched and str(matched["id"])) == expected


@pytest.mark.parametrize(
    ("ours", "found"),
    [
        (card("a", "b"), [theirs(1, "A"), theirs(2, "B")]),
        (card("SN 1"), [theirs(1, "SN-1"), theirs(2, "sn 1")]),
        (card("x", "y"), [theirs(1, "p", "x"), theirs(2, "q", "y")]),
    ],
)
def test_two_that_match_are_for_a_person_to_choose(
    ours: TargetCard, found: list[dict[str, Any]]
) -> None:
    with pytest.raises(Ambiguous) as ambiguous:
        matching.match(ours, found)

    assert {target["id"] for target in ambiguous.value.candidates} == {1, 2}


@pytest.mark.parametrize("aliases", [None, "SN 2026abc", ["SN 2026abc"], [None], 3])
def test_aliases_of_an_unknown_shape_match_nothing(aliases: Any) -> None:
    found = [{"id": 1, "name": "other", "aliases": aliases}]

    assert matching.match(card("SN 2026abc"), found) is None
