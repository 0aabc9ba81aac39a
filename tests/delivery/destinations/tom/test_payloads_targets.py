"""What of a target goes over the wire."""

from __future__ import annotations

import math

import pytest

from tests.support.conversations import card, target_parcel
from tom_share_worker.delivery.destinations.tom import payloads
from tom_share_worker.delivery.outcomes import Unsendable


def test_a_target_goes_with_aliases_extras_and_lists() -> None:
    parcel = target_parcel(card("SN 2026abc", "ZTF26x", dec=None), scheme="")

    assert payloads.target(parcel) == {
        "name": "SN 2026abc",
        "type": "SIDEREAL",
        "ra": 10.0,
        "aliases": [{"name": "ZTF26x"}],
        "targetextra_set": [{"key": "redshift", "value": "0.05"}],
        "groups": [],
        "target_lists": [{"name": "Imported From Survey TOM"}],
        "shared_by": "astronomer",
        "shared_from": "Survey TOM",
    }


def test_a_target_with_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(Unsendable, match="Its parallax is nan"):
        payloads.target(target_parcel(parallax=math.nan))


def test_aliases_go_once_each() -> None:
    """A TOM strips names, and at a repeat it deletes the target or half makes it."""
    names = ("SN 2026abc", " ZTF26x", "ZTF26x ", " SN 2026abc", " ", "sn2026abc")

    body = payloads.target(target_parcel(card(*names)))

    assert body["aliases"] == [{"name": "ZTF26x"}, {"name": "sn2026abc"}]
