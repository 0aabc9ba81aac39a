"""The words of Hermes: units, errors, orbits, and what it cannot hold."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from tom_dataproducts.models import ReducedDatum

from tests.support.hermes_rules import errors
from tests.support.messages import parcel, photometry, position, spectrum, target
from tests.support.rows import NIGHT
from tom_share_worker.delivery.destinations.hermes import payloads as hermes_payloads
from tom_share_worker.delivery.ledger import Key
from tom_share_worker.delivery.outcomes import Unsendable

ELEMENTS = {
    "type": "NON_SIDEREAL",
    "ra": None,
    "dec": None,
    "epoch_of_elements": 57660.0,
    "inclination": 9.79429,
    "lng_asc_node": 122.89434,
    "arg_of_perihelion": 78.32783,
    "eccentricity": 0.5391962,
    "semimajor_axis": 0.770117,
    "mean_anomaly": 165.686404,
    "perihdist": None,
    "epoch_of_perihelion": None,
}


def row(datum: Any, **entry: Any) -> dict[str, Any]:
    kinds = {"Photometry": "photometry", "Spectroscop": "spectroscopy"}
    kind = kinds.get(type(datum).__name__[:11], "")
    kind = kind or ("photometry" if hasattr(datum, "bandpass") else "astrometry")
    return hermes_payloads.datum(Key(kind, 1), datum, "SN 2026abc", entry)


def reason(datum: Any, **entry: Any) -> str:
    with pytest.raises(Unsendable) as refused:
        row(datum, **entry)
    return str(refused.value)


def test_a_detection_keeps_every_number() -> None:
    datum = photometry(brightness=17.123456789012345, exposure_time=30.5)
    datum.value = {"observer": "A. Stronomer", "seeing": 1.2}

    assert row(datum) == {
        "target_name": "SN 2026abc",
        "date_obs": datum.timestamp.isoformat(),
        "telescope": "1m0",
        "instrument": "Sinistro",
        "observer": "A. Stronomer",
        "bandpass": "r",
        "exposure_time": 30.5,
        "brightness": 17.123456789012345,
        "brightness_error": 0.012,
        "brightness_unit": "AB mag",
    }


def test_a_limit_has_its_own_columns() -> None:
    found = row(photometry(brightness=None, brightness_error=None, limit=20.5))

    assert (found["limiting_brightness"], found["limiting_brightness_unit"]) == (
        20.5,
        "AB mag",
    )
    assert not {"brightness", "brightness_unit", "brightness_error"} & set(found)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("AB mag", "AB mag"),
        ("AB", "AB mag"),
        ("ABFLUX", "AB mag"),
        ("mag(AB)", "AB mag"),
        ("Vega", "Vega mag"),
        ("Vega mag", "Vega mag"),
        ("mJy", "mJy"),
        ("erg / s / cm² / Å", "erg / s / cm² / Å"),
        ("erg / (Angstrom s cm2)", "erg / s / cm² / Å"),
        ("erg s-1 cm-2 AA-1", "erg / s / cm² / Å"),
        ("erg/s/cm^2/Angstroms", "erg / s / cm² / Å"),
    ],
)
def test_units_are_known_by_any_spelling(ours: str, theirs: str) -> None:
    assert row(photometry(unit=ours))["brightness_unit"] == theirs


@pytest.mark.parametrize("unit", ["mag", "MJy", "Jy", "uJy", "counts", "ST mag"])
def test_a_unit_that_hermes_does_not_know_is_not_converted(unit: str) -> None:
    assert repr(unit) in reason(photometry(unit=unit))


def test_no_unit_is_guessed_unless_the_entry_says_what_it_means() -> None:
    bare = photometry(unit="")

    assert "DEFAULT_UNIT" in reason(bare)
    assert row(bare, DEFAULT_UNIT="Vega mag")["brightness_unit"] == "Vega mag"
    assert row(photometry(), DEFAULT_UNIT="Vega mag")["brightness_unit"] == "AB mag"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("Angstrom", "Å"),
        ("AA", "Å"),
        ("nm", "nm"),
        ("micron", "\N{MICRO SIGN}m"),
        ("um", "\N{MICRO SIGN}m"),
        ("\N{GREEK SMALL LETTER MU}m", "\N{MICRO SIGN}m"),
        ("Hertz", "Hz"),
        ("GHz", "GHz"),
    ],
)
def test_wavelengths_keep_their_unit(ours: str, theirs: str) -> None:
    assert row(spectrum(wavelength_unit=ours))["wavelength_units"] == theirs


def test_a_spectrum_says_in_what_its_flux_is() -> None:
    assert row(spectrum())["flux_type"] == "Fλ"
    in_frequency = row(spectrum(flux_unit="mJy", error=[1e-17, 2e-17]))
    assert in_frequency["flux_type"] == "Fν"  # noqa: RUF001  (their word)
    assert in_frequency["flux_error"] == [1e-17, 2e-17]


def test_an_error_of_a_position_needs_its_unit() -> None:
    exact = position(ra_error=0.1, ra_error_units="arcsec")

    assert row(exact)["ra_error_units"] == "arcsec"
    assert "unit" in reason(position(ra_error=0.1))


@pytest.mark.parametrize(
    ("datum", "words"),
    [
        (photometry(brightness=math.nan), "brightness holds NaN"),
        (photometry(brightness_error=math.inf), "brightness_error holds NaN"),
        (photometry(brightness=None), "neither a brightness nor a limit"),
        (photometry(telescope="", instrument=""), "no telescope and no instrument"),
        (spectrum(flux=[]), "0 fluxes for 2 wavelengths"),
        (spectrum(error=[1.0]), "1 errors for 2 fluxes"),
        (spectrum(flux=[1.0, math.nan]), "flux holds NaN"),
        (spectrum(flux_unit=""), "unit of it is missing"),
        (spectrum(wavelength_unit="parsec"), "'parsec'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_hermes_cannot_hold_is_refused_with_the_reason(
    datum: Any, words: str
) -> None:
    assert words in reason(datum)


def test_other_data_have_no_table_there() -> None:
    generic = ReducedDatum(timestamp=NIGHT, data_type="redshift", value={"z": 1})

    with pytest.raises(Unsendable, match="and no other data"):
        hermes_payloads.datum(Key("generic", 1), generic, "SN 2026abc", {})


def test_a_target_has_its_place_its_motion_and_its_names() -> None:
    found = target("SN 2026abc", "ZTF26x", ra=0.0, epoch=2000.0, pm_ra=12.5, pm_dec=-3)

    assert hermes_payloads.target(found) == {
        "name": "SN 2026abc",
        "aliases": ["ZTF26x"],
        "ra": 0.0,
        "dec": -5.25,
        "epoch": 2000.0,
        "pm_ra": 0.0125,
        "pm_dec": -0.003,
    }


def test_a_moving_target_has_the_elements_of_its_orbit() -> None:
    found = hermes_payloads.target(target("Comet", **ELEMENTS))

    assert found["orbital_elements"] == {
        "epoch_of_elements": 57660.0,
        "orbital_inclination": 9.79429,
        "longitude_of_the_ascending_node": 122.89434,
        "argument_of_the_perihelion": 78.32783,
        "eccentricity": 0.5391962,
        "semimajor_axis": 0.770117,
        "mean_anomaly": 165.686404,
    }


def test_a_target_without_any_place_is_refused() -> None:
    with pytest.raises(Unsendable, match="neither coordinates nor orbital elements"):
        hermes_payloads.target(target(ra=None, dec=None))
    with pytest.raises(Unsendable, match="NaN"):
        hermes_payloads.target(target(ra=math.nan))


def test_a_whole_message_is_valid_json_and_passes_the_dry_run() -> None:
    message = parcel(photometry(), spectrum(), position())
    rows = {
        key: hermes_payloads.datum(key, datum, "SN 2026abc", {})
        for key, datum in message.datums.items()
    }
    targets = {1: hermes_payloads.target(target())}

    body = hermes_payloads.message(message, "hermes.test", "", targets, rows)

    assert errors(json.loads(json.dumps(body, allow_nan=False))) == {}
