"""Puts a message's parcel into the words of Hermes: pure functions.

Rows are those of Hermes' tables of targets, photometry, spectroscopy and astrometry.
What they cannot hold raises `Unsendable` with the reason; nothing is guessed, least of
all a unit.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from tom_share_worker.delivery.ledger import Key
from tom_share_worker.delivery.message import MessageParcel, MessageTarget
from tom_share_worker.delivery.outcomes import Unsendable

MARK = "tom_share_worker"
"""The name in `extra_data` under which a message carries its key."""

AB, VEGA, MJY, FLAM = "AB mag", "Vega mag", "mJy", "erg / s / cm² / Å"
ANGSTROM, MICRON = "Å", "\N{MICRO SIGN}m"

_BRIGHTNESS_UNITS = {
    **dict.fromkeys(("abmag", "ab", "mag(ab)", "ab_mag", "abflux"), AB),
    **dict.fromkeys(("vegamag", "vega", "mag(vega)", "vega_mag"), VEGA),
}
_FLUX_UNITS = dict.fromkeys(
    (
        *("erg/s/cm2/a", "erg/cm2/s/a", "erg/(ascm2)", "erg/(scm2a)", "erg/(cm2sa)"),
        *("erg/(acm2s)", "erg/(cm2as)", "erg/(sacm2)", "ergs-1cm-2a-1", "flam"),
        *("ergcm-2s-1a-1", "erga-1cm-2s-1", "erga-1s-1cm-2"),
    ),
    FLAM,
)
_WAVELENGTH_UNITS = {
    **dict.fromkeys(("a",), ANGSTROM),
    **dict.fromkeys(("nm", "nanometer", "nanometre", "nanometers"), "nm"),
    **dict.fromkeys(("um", "micron", "microns", "micrometer", "micrometre"), MICRON),
    **dict.fromkeys(("hz", "hertz"), "Hz"),
    "ghz": "GHz",
    "thz": "THz",
}
_ANGLE_UNITS = {
    **dict.fromkeys(("degrees", "degree", "deg"), "degrees"),
    **dict.fromkeys(("arcsec", "arcsecond", "arcseconds"), "arcsec"),
    **dict.fromkeys(("arcmin", "arcminute", "arcminutes"), "arcmin"),
    **dict.fromkeys(("mas", "milliarcsec", "milliarcsecond"), "mas"),
}
_ORBIT = {
    "epoch_of_elements": "epoch_of_elements",
    "inclination": "orbital_inclination",
    "lng_asc_node": "longitude_of_the_ascending_node",
    "arg_of_perihelion": "argument_of_the_perihelion",
    "eccentricity": "eccentricity",
    "semimajor_axis": "semimajor_axis",
    "mean_anomaly": "mean_anomaly",
    "perihdist": "perihelion_distance",
    "epoch_of_perihelion": "epoch_of_perihelion",
}
"""For each element of an orbit: our field, and Hermes' name for it."""

TABLES = ("photometry", "spectroscopy", "astrometry")


def message(
    parcel: MessageParcel,
    topic: str,
    authors: str,
    targets: Mapping[int, Mapping[str, Any]],
    rows: Mapping[Key, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the body that publishes these target rows and rows of data."""
    data: dict[str, Any] = {"targets": list(targets.values())}
    for table in TABLES:
        data[table] = [row for key, row in rows.items() if key.kind == table]
    return {
        "topic": topic,
        "title": parcel.title,
        "submitter": parcel.submitter,
        "authors": parcel.authors or authors,
        "message_text": parcel.message,
        "data": data | {"extra_data": {MARK: parcel.key}},
    }


def target(found: MessageTarget) -> dict[str, Any]:
    """Return the row of a target: where it is, or how it moves."""
    ours = found.fields
    row: dict[str, Any] = {"name": found.name, "aliases": list(found.aliases)}
    for name in ("ra", "dec", "epoch"):
        row[name] = ours.get(name)
    for name in ("pm_ra", "pm_dec"):
        # Milliarcseconds a year here, arcseconds a year at Hermes.
        motion = ours.get(name)
        row[name] = None if motion is None else motion / 1000
    if ours.get("type") == "NON_SIDEREAL":
        orbit = {theirs: ours.get(name) for name, theirs in _ORBIT.items()}
        row["orbital_elements"] = _given(orbit) or None
    row = _given(row)
    if not {"ra", "dec"} <= set(row) and "orbital_elements" not in row:
        raise Unsendable(
            f"{found.name} has neither coordinates nor orbital elements, and Hermes "
            f"takes no target without."
        )
    return row


def datum(
    key: Key, datum: Any, target_name: str, entry: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the row of a data point."""
    if key.kind not in TABLES:
        raise Unsendable(
            "Hermes takes photometry, spectra and astrometry, and no other data."
        )
    row = {
        "target_name": target_name,
        "date_obs": datum.timestamp.isoformat(),
        "telescope": datum.telescope,
        "instrument": datum.instrument,
        **_beside(datum, key.kind),
        **_ROWS[key.kind](datum, entry),
    }
    if not (datum.telescope or datum.instrument):
        raise Unsendable("It names no telescope and no instrument; Hermes wants one.")
    return _given(row)


def _photometry(datum: Any, entry: Mapping[str, Any]) -> dict[str, Any]:
    if datum.brightness is None and datum.limit is None:
        raise Unsendable("It has neither a brightness nor a limit.")
    unit = _brightness_unit(datum.unit or str(entry.get("DEFAULT_UNIT") or ""))
    row = {
        "bandpass": datum.bandpass,
        "exposure_time": datum.exposure_time,
        "brightness": datum.brightness,
        "brightness_error": datum.brightness_error,
        "limiting_brightness": datum.limit,
        "limiting_brightness_unit": None if datum.limit is None else unit,
    }
    return row | {"brightness_unit": None if datum.brightness is None else unit}


def _brightness_unit(unit: str) -> str:
    if not unit:
        raise Unsendable(
            "It has no unit, and Hermes would take it for AB magnitudes. Give it one, "
            "or let an administrator put 'DEFAULT_UNIT' into the entry of Hermes in "
            "DATA_SHARING, such as 'AB mag'."
        )
    known = _BRIGHTNESS_UNITS | _FLUX_UNITS
    return _unit(unit, known, f"{AB}, {VEGA}, {MJY} and {FLAM}")


def _spectroscopy(datum: Any, entry: Mapping[str, Any]) -> dict[str, Any]:
    flux, wavelength, error = datum.flux, datum.wavelength, datum.error
    if not flux or len(flux) != len(wavelength):
        raise Unsendable(
            f"It has {len(flux or [])} fluxes for {len(wavelength or [])} wavelengths."
        )
    if error and len(error) != len(flux):
        raise Unsendable(f"It has {len(error)} errors for {len(flux)} fluxes.")
    flux_unit = _unit(datum.flux_unit, _FLUX_UNITS, f"{MJY} and {FLAM}")
    return {
        "setup": datum.setup,
        "exposure_time": datum.exposure_time,
        "flux": list(flux),
        "flux_error": list(error or ()) or None,
        "flux_units": flux_unit,
        "flux_type": "Fν" if flux_unit == MJY else "Fλ",  # noqa: RUF001  (their words)
        "wavelength": list(wavelength),
        "wavelength_units": _unit(
            datum.wavelength_unit, _WAVELENGTH_UNITS, "Å, nm, µm, Hz, GHz and THz"
        ),
    }


def _astrometry(datum: Any, entry: Mapping[str, Any]) -> dict[str, Any]:
    row = {"ra": datum.ra, "dec": datum.dec}
    for name in ("ra_error", "dec_error"):
        if (error := getattr(datum, name)) is not None:
            unit = getattr(datum, f"{name}_units")
            known = "degrees, arcmin, arcsec and mas"
            row[name] = error
            row[f"{name}_units"] = _unit(unit, _ANGLE_UNITS, known)
    return row


_ROWS = {
    "photometry": _photometry,
    "spectroscopy": _spectroscopy,
    "astrometry": _astrometry,
}

_BESIDE = {
    "photometry": ("observer", "catalog", "comments"),
    "spectroscopy": ("observer", "reducer", "comments", "classification"),
    "astrometry": ("catalog", "mpc_sitecode", "comments"),
}
"""Columns of Hermes that a TOM may have among the free values of a data point."""


def _beside(datum: Any, kind: str) -> dict[str, str]:
    free = datum.value if isinstance(datum.value, dict) else {}
    return {
        name: free[name] for name in _BESIDE[kind] if isinstance(free.get(name), str)
    }


def _unit(unit: str, known: Mapping[str, str], words: str) -> str:
    """Return Hermes' word for a unit; one that it does not know is not converted."""
    if not unit:
        raise Unsendable(f"A unit of it is missing. Hermes knows {words}.")
    if unit.strip() == MJY and MJY in words:
        return MJY  # in this case only: MJy is another unit
    if (found := known.get(_plain(unit))) is not None:
        return found
    raise Unsendable(f"Its unit {unit!r} is none that Hermes knows: {words}.")


def _plain(unit: str) -> str:
    """Return a unit without the differences of spelling."""
    text = _ANGSTROMS.sub("a", unit.lower())
    return "".join(text.split()).translate(_SPELLINGS)


_ANGSTROMS = re.compile(r"\b(angstroms?|ångströms?|å|aa)\b")
_SPELLINGS = str.maketrans({"²": "2", "µ": "u", "μ": "u"} | dict.fromkeys("^*.", ""))


def _given(row: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is empty; refuse NaN and infinity, for which JSON has no words."""
    found = {}
    for name, value in row.items():
        if value is None or value == "":
            continue
        numbers = value if isinstance(value, list) else [value]
        if not all(map(_is_finite, numbers)):
            raise Unsendable(f"Its {name} holds NaN or infinity.")
        found[name] = value
    return found


def _is_finite(value: Any) -> bool:
    return not isinstance(value, float) or math.isfinite(value)
