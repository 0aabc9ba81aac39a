"""The words of the protocol: values arrive as they are, and what cannot go is said."""

from __future__ import annotations

import gzip
import json
import math
from datetime import datetime
from typing import Any

import pytest
from tom_dataproducts.models import (
    AstrometryReducedDatum,
    PhotometryReducedDatum,
    ReducedDatum,
    SpectroscopyReducedDatum,
)

from tests.delivery.destinations.tom.test_payloads import IDENTITY, WHOLE, parcel
from tests.support.rows import NIGHT
from tom_share_worker import toolkit
from tom_share_worker.delivery.destinations.tom import wire
from tom_share_worker.delivery.ledger import Fate, Key
from tom_share_worker.delivery.outcomes import Unsendable


def said(kind: str, datum: Any, **change: Any) -> dict[str, Any]:
    """Return a data point as the other side reads it from a body."""
    text = wire.datum(parcel(**change), Key(kind, 7), datum)
    read: dict[str, Any] = json.loads(wire.body("31", [text]))
    assert read["target"] == 31
    [row] = read["datums"]
    return dict(row)


def photometry(**fields: Any) -> PhotometryReducedDatum:
    return PhotometryReducedDatum(**{"timestamp": NIGHT, "bandpass": "r", **fields})


@pytest.mark.parametrize("kind", WHOLE)
def test_every_column_goes_under_its_own_name_to_the_last_bit(kind: str) -> None:
    datum = WHOLE[kind]

    row = said(kind, datum)

    assert row.pop("kind") == kind
    assert datetime.fromisoformat(row.pop("timestamp")) == NIGHT
    for name, value in row.items():
        assert getattr(datum, name) == value, name
    columns = {f.name for f in toolkit.DATUM_MODELS[kind]._meta.concrete_fields}
    assert row.keys() == columns - IDENTITY - {"timestamp"}


@pytest.mark.parametrize(
    "number", [0.1 + 0.2, 5e-324, 1.7976931348623157e308, -2.5e-17, 17.0, 1 / 3]
)
def test_a_number_arrives_to_the_last_bit(number: float) -> None:
    row = said("photometry", photometry(brightness=number, value={"x": [number]}))

    assert math.copysign(1, row["brightness"]) == math.copysign(1, number)
    assert (row["brightness"], row["value"]["x"]) == (number, [number])


def test_free_values_keep_their_names_whatever_columns_there_are() -> None:
    value = {"brightness": 1, "filter": "x", "id": 7, "target": 3, "kind": None}

    row = said("photometry", photometry(brightness=17.5, value=value))

    assert row["value"] == value
    assert row["brightness"] == 17.5


def test_what_is_empty_is_left_out_and_a_zero_is_not() -> None:
    row = said("photometry", photometry(brightness=0.0, unit="", limit=None))
    spectrum = SpectroscopyReducedDatum(timestamp=NIGHT, flux=[0.0])

    assert row["brightness"] == 0.0
    assert not row.keys() & {"unit", "limit", "value", "telescope"}
    assert said("spectroscopy", spectrum)["flux"] == [0.0]
    assert "wavelength" not in said("spectroscopy", spectrum)


def test_a_data_point_without_a_source_has_this_tom_as_its_source() -> None:
    row = said("photometry", photometry())
    own = said("photometry", photometry(source_name="ZTF", source_location="x"))

    assert row["source_name"] == "Survey TOM"
    address = "https://survey.example.org/api/reduceddatums/7/"
    assert row["source_location"] == address
    assert (own["source_name"], own["source_location"]) == ("ZTF", "x")


@pytest.mark.parametrize("text", ["ünïcode", "🔭 seeing", "\\u0000", "\N{SNOWMAN}\n"])
def test_text_of_any_script_arrives_as_it_is(text: str) -> None:
    row = said("photometry", photometry(bandpass=text, value={text: [{"x": text}]}))

    assert row["bandpass"] == text
    assert row["value"] == {text: [{"x": text}]}


NOT_FINITE, NO_TEXT = "not a finite number", "take for no text"


@pytest.mark.parametrize(
    ("kind", "datum", "words"),
    [
        ("photometry", photometry(brightness=math.nan), NOT_FINITE),
        (
            "photometry",
            photometry(brightness_error=math.inf),
            "brightness_error is inf",
        ),
        ("photometry", photometry(value={"x": [1, {"y": -math.inf}]}), NOT_FINITE),
        ("photometry", photometry(value={"x": "a\0b"}), NO_TEXT),
        ("photometry", photometry(value={"\ud800": 1}), NO_TEXT),
        ("photometry", photometry(telescope="\udfff"), NO_TEXT),
        ("photometry", photometry(source_name="a\0", value={}), NO_TEXT),
        ("photometry", photometry(value={"n": 10**5000}), "too long to be sent"),
        ("photometry", photometry(value=[1, 2]), "not a set of names and values"),
        ("photometry", photometry(bandpass=""), "no filter"),
        ("photometry", photometry(bandpass="r" * 33), "33 characters"),
        ("photometry", None, "was deleted"),
        ("generic", ReducedDatum(timestamp=NIGHT, data_type=" "), "no data type"),
        (
            "spectroscopy",
            SpectroscopyReducedDatum(timestamp=NIGHT, flux=[1.0, math.nan]),
            "Its flux is nan",
        ),
        (
            "astrometry",
            AstrometryReducedDatum(timestamp=NIGHT, ra=math.inf, dec=1.0),
            "Its ra is inf",
        ),
    ],
)
def test_what_no_other_tom_can_hold_is_refused_here(
    kind: str, datum: Any, words: str
) -> None:
    with pytest.raises(Unsendable, match=words):
        wire.datum(parcel(), Key(kind, 7), datum)


def test_the_same_data_points_make_the_same_body_packed_or_not() -> None:
    rows = [wire.datum(parcel(), Key("photometry", 7), photometry())] * 3

    once, again = wire.body("31", rows), wire.body(31, rows)

    assert once == again
    assert wire.compressed(once) == wire.compressed(again)
    assert gzip.decompress(wire.compressed(once)) == once
    assert len(once) == wire.overhead("31") + sum(map(len, rows)) + 2


CAPABILITIES: dict[str, Any] = {
    "app": "tom_share_worker",
    "version": "1.2",
    "versions": [1, 2],
    "limits": {"batch": 500, "body": 900_000, "upload": None},
    "supports": ["datums", "gzip"],
}


def test_what_a_tom_says_of_itself_is_kept_and_read_again() -> None:
    peer = wire.peer(CAPABILITIES)

    assert peer == wire.Peer("1.2", batch=500, body=900_000, takes_gzip=True)
    assert wire.remembered(json.loads(json.dumps(peer.row()))) == peer
    assert wire.remembered({}) is None


@pytest.mark.parametrize(
    "change",
    [
        {"app": "another_app"},
        {"versions": [2]},
        {"versions": "1"},
        {"supports": ["gzip"]},
        {"supports": None},
    ],
)
def test_who_does_not_speak_our_version_is_a_stock_tom(change: dict[str, Any]) -> None:
    assert wire.peer(CAPABILITIES | change) is None


@pytest.mark.parametrize("limits", [None, {}, {"batch": 0, "body": -1}, {"batch": "9"}])
def test_limits_that_make_no_sense_stop_nothing(limits: Any) -> None:
    peer = wire.peer(CAPABILITIES | {"limits": limits})

    assert peer is not None
    assert peer.batch >= 1
    assert peer.body >= wire.LEAST


def test_fates_are_read_in_order() -> None:
    outcomes = [
        {"outcome": "created"},
        {"outcome": "already there"},
        {"outcome": "refused", "reason": "No."},
    ]

    assert wire.fates({"outcomes": outcomes}, 3) == [
        (Fate.DELIVERED, ""),
        (Fate.ALREADY_THERE, ""),
        (Fate.REFUSED, "No."),
    ]


@pytest.mark.parametrize(
    "said",
    [
        None,
        [],
        {},
        {"outcomes": {}},
        {"outcomes": []},
        {"outcomes": [{"outcome": "created"}] * 2},
        {"outcomes": ["created"]},
        {"outcomes": [{"outcome": "lost"}]},
        {"outcomes": [{"outcome": ["created"]}]},
    ],
)
def test_what_does_not_tell_the_fate_of_each_tells_nothing(said: Any) -> None:
    assert wire.fates(said, 1) is None
