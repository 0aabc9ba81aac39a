"""What goes over the wire, checked against the host's own parser where it matters."""

from __future__ import annotations

import copy
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tom_dataproducts.models import (
    AstrometryReducedDatum,
    PhotometryReducedDatum,
    ReducedDatum,
    SpectroscopyReducedDatum,
    try_parse_reduced_datum,
)

from tests.support.rows import NIGHT
from tom_share_worker import toolkit
from tom_share_worker.delivery.destinations.tom import payloads
from tom_share_worker.delivery.ledger import Key
from tom_share_worker.delivery.outcomes import Unsendable
from tom_share_worker.delivery.parcels import DatumsParcel, TargetCard

CARD = TargetCard("SN 2026abc", ("SN 2026abc", "ZTF26x"), 10.0, 5.0, None)
ORIGIN = {"source_name": "ATLAS", "source_location": "https://atlas.example.org/7"}
COMMON = {"timestamp": NIGHT, "telescope": "1m0", "instrument": "Sinistro"}
COMMON |= {"reduction_version": "v2", **ORIGIN}
WHOLE: dict[str, Any] = {
    "photometry": PhotometryReducedDatum(
        **COMMON,
        brightness=17.123456789012345,
        brightness_error=0.1 + 0.2,
        limit=19.5,
        unit="AB mag",
        bandpass="r",
        exposure_time=300.0,
        value={"airmass": 1.25, "seeing": [1, 2.5]},
    ),
    "spectroscopy": SpectroscopyReducedDatum(
        **COMMON,
        setup="grism 3",
        exposure_time=1200.0,
        wavelength=[4000.1, 4000.2],
        flux=[1e-17, 2.5e-17],
        error=[1e-18, 1e-18],
        flux_unit="erg / (s cm2 Angstrom)",
        wavelength_unit="Angstrom",
        value={"grade": "A"},
    ),
    "astrometry": AstrometryReducedDatum(
        **COMMON,
        ra=10.000000000000002,
        dec=-0.1,
        ra_error=0.01,
        dec_error=0.02,
        ra_error_units="arcsec",
        dec_error_units="arcsec",
        value={"catalogue": "Gaia DR3"},
    ),
    "generic": ReducedDatum(
        **COMMON, data_type="polarimetry", value={"q": 0.1, "u": [0.2, {"v": 0.3}]}
    ),
}
IDENTITY = {"id", "target", "data_product"}


def parcel(**change: Any) -> DatumsParcel:
    defaults: dict[str, Any] = {
        "target": CARD,
        "datums": {},
        "tom_name": "Survey TOM",
        "public_url": "https://survey.example.org/",
        "attempts": 0,
    }
    return DatumsParcel(**{**defaults, **change})


def body_of(kind: str, datum: Any, **change: Any) -> dict[str, Any]:
    """Return the body as the other side reads it from the wire."""
    body = payloads.datum(parcel(**change), Key(kind, 7), datum, "31")
    parsed: dict[str, Any] = json.loads(json.dumps(body, allow_nan=False))
    return parsed


def received(body: dict[str, Any]) -> Any:
    """Return the row that TOM Toolkit makes of a body."""
    fields = {k: v for k, v in body.items() if k != "target"}
    return try_parse_reduced_datum(fields)


@pytest.mark.parametrize("kind", WHOLE)
def test_every_field_arrives_to_the_last_bit(kind: str) -> None:
    datum = WHOLE[kind]

    arrived = received(body_of(kind, datum))

    assert type(arrived) is type(datum)
    for field in datum._meta.concrete_fields:
        if field.name not in IDENTITY | {"timestamp"}:
            sent = getattr(datum, field.name)
            assert getattr(arrived, field.name) == sent, field.name
    assert arrived.timestamp == NIGHT.isoformat()


@pytest.mark.parametrize("kind", WHOLE)
def test_no_column_of_the_host_is_forgotten(kind: str) -> None:
    covered = {*payloads.FIELDS[kind], *IDENTITY, "timestamp", "value"}
    covered |= {"source_name", "source_location", "data_type"}

    columns = {f.name for f in toolkit.DATUM_MODELS[kind]._meta.concrete_fields}

    assert columns <= covered


def test_what_is_none_or_empty_is_left_out() -> None:
    datum = PhotometryReducedDatum(timestamp=NIGHT, bandpass="r", limit=19.5)

    body = body_of("photometry", datum)

    assert body["value"] == {"filter": "r", "limit": 19.5}


def test_a_zero_is_a_value() -> None:
    datum = PhotometryReducedDatum(timestamp=NIGHT, bandpass="r", brightness=0.0)

    assert body_of("photometry", datum)["value"]["magnitude"] == 0.0


def test_no_id_of_ours_goes_along() -> None:
    datum = PhotometryReducedDatum(id=99, timestamp=NIGHT, bandpass="r")

    body = body_of("photometry", datum)

    assert body["target"] == "31"
    assert set(body) == {
        *("target", "data_type", "source_name", "source_location"),
        *("timestamp", "value"),
    }


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_are_exact_through_json(number: float) -> None:
    datum = PhotometryReducedDatum(timestamp=NIGHT, bandpass="r", brightness=number)

    arrived = received(body_of("photometry", datum))

    assert arrived.brightness == number
    assert math.copysign(1, arrived.brightness) == math.copysign(1, number)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("photometry", lambda x: {"brightness": x}),
        ("photometry", lambda x: {"limit": x}),
        ("photometry", lambda x: {"value": {"deep": [{"down": x}]}}),
        ("spectroscopy", lambda x: {"flux": [1.0, x]}),
        ("astrometry", lambda x: {"ra": x}),
        ("generic", lambda x: {"value": {"q": x}}),
    ],
    ids=["brightness", "limit", "deep", "flux", "ra", "q"],
)
def test_what_is_no_finite_number_is_refused_by_name(
    kind: str, change: Any, number: float
) -> None:
    fields = {"bandpass": "r"} if kind == "photometry" else {}
    fields |= {"data_type": "polarimetry"} if kind == "generic" else {}
    model = toolkit.DATUM_MODELS[kind]

    with pytest.raises(Unsendable, match="is not a finite number"):
        body_of(kind, model(timestamp=NIGHT, **{**fields, **change(number)}))


ALIASES = {
    *("magnitude", "mag", "magnitude_error", "mag_err", "filter", "band", "f", "wave"),
    *(
        "wl",
        "lambda",
        "err",
        "flux_error",
        "f_error",
        "f_unit",
        "flux_units",
        "f_units",
    ),
    *("w_unit", "wavelength_units", "w_units", "lambda_unit", "lambda_units"),
    *("right_ascension", "ra_deg", "declination", "dec_deg", "right_ascension_error"),
    *("ra_err", "declination_error", "dec_err", "ra_err_units", "dec_err_units"),
    *("data_type", "groups", "target_id", "pk"),
}
COLUMNS = {f.name for m in toolkit.DATUM_MODELS.values() for f in m._meta.get_fields()}


@pytest.mark.parametrize("name", sorted(ALIASES | COLUMNS))
@pytest.mark.parametrize("kind", WHOLE)
def test_an_extra_never_lands_in_a_column_of_the_host(kind: str, name: str) -> None:
    datum = WHOLE[kind]
    sent = copy.copy(datum)
    sent.value = {"harmless": 1, name: "an extra"}

    arrived = received(body_of(kind, sent))

    assert "an extra" in arrived.value.values()
    for field in datum._meta.concrete_fields:
        if field.name not in IDENTITY | {"timestamp", "value"}:
            assert getattr(arrived, field.name) == getattr(datum, field.name)


@pytest.mark.parametrize(
    ("kind", "datum", "reason"),
    [
        ("photometry", None, "It was deleted from this TOM"),
        ("photometry", PhotometryReducedDatum(brightness=1.0), "It has no filter"),
        ("photometry", PhotometryReducedDatum(bandpass="r" * 33), "bandpass has 33"),
        (
            "photometry",
            PhotometryReducedDatum(bandpass="r", unit="m" * 33),
            "unit has 33 characters; another TOM holds 32",
        ),
        ("generic", ReducedDatum(source_name="s" * 101), "source_name has 101"),
        ("generic", ReducedDatum(source_location="s" * 201), "source_location has 201"),
        ("generic", ReducedDatum(data_type="x", value=[1]), "not a set of names"),
        ("generic", ReducedDatum(data_type=" "), "It has no data type"),
        (
            "photometry",
            PhotometryReducedDatum(bandpass="r", telescope="1m\0"),
            "telescope holds what databases take for no text",
        ),
        (
            "generic",
            ReducedDatum(data_type="x", value={"a": {"\ud800": 1}}),
            "a holds what databases",
        ),
        ("generic", ReducedDatum(data_type="x", value={"\0": 1}), "value holds what"),
    ],
)
def test_what_a_stock_tom_cannot_hold_is_refused_with_the_reason(
    kind: str, datum: Any, reason: str
) -> None:
    with pytest.raises(Unsendable, match=reason):
        body_of(kind, datum)


@pytest.mark.parametrize("kind", WHOLE)
def test_names_that_the_host_takes_for_columns_are_known_by_kind(kind: str) -> None:
    """No name is changed without need, and none is missing."""
    names = ALIASES | COLUMNS | {"airmass"}
    kept = set()
    for name in names:
        fields = {"data_type": kind if kind != "generic" else "polarimetry"}
        try:
            made = try_parse_reduced_datum(fields | {"value": {name: "free"}})
        except (TypeError, ValueError):
            continue  # a value in the value, or no target
        if made.value == {name: "free"}:
            kept.add(name)

    assert names - payloads.RESERVED[kind] == kept


def test_two_free_values_never_become_one() -> None:
    """Whatever names are free already, a changed name is another one."""
    sent = PhotometryReducedDatum(bandpass="r", timestamp=NIGHT)
    sent.value = {"extra_filter": 1, "filter": 2, "extra_extra_filter": 3, "f": 4}

    arrived = received(body_of("photometry", sent))

    assert arrived.value == {
        "extra_filter": 1,
        "extra_extra_filter": 3,
        "extra_extra_extra_filter": 2,
        "extra_f": 4,
    }


def test_a_data_point_without_any_value_goes_without_one() -> None:
    body = body_of("generic", ReducedDatum(data_type="seen", timestamp=NIGHT))

    assert "value" not in body
    assert received(body).value == {}


def test_a_place_without_a_name_of_its_own_is_kept() -> None:
    datum = PhotometryReducedDatum(
        timestamp=NIGHT, bandpass="r", source_name=" ", source_location="shelf 7"
    )

    body = body_of("photometry", datum)

    assert (body["source_name"], body["source_location"]) == ("Survey TOM", "shelf 7")


def test_a_time_without_a_zone_is_one_of_this_tom(settings: Any) -> None:
    settings.TIME_ZONE = "America/Santiago"
    naive = NIGHT.replace(tzinfo=None)

    body = body_of("photometry", PhotometryReducedDatum(timestamp=naive, bandpass="r"))

    assert body["timestamp"] == "2026-03-01T02:03:04.567891-03:00"


def test_data_without_a_source_come_from_this_tom() -> None:
    datum = PhotometryReducedDatum(timestamp=NIGHT, bandpass="r")

    body = body_of("photometry", datum)
    hidden = body_of("photometry", datum, public_url=None)
    long = body_of("photometry", datum, tom_name="T" * 150, public_url="h" * 300)

    assert body["source_name"] == "Survey TOM"
    address = "https://survey.example.org/api/reduceddatums/7/"
    assert body["source_location"] == address
    assert "http" not in hidden["source_location"]
    assert (len(long["source_name"]), len(long["source_location"])) == (100, 200)
