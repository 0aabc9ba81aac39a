"""What the scripted Hermes objects to in a message, in the shape in which Hermes does.

Two stages, as there: each row by itself first, and only when all are well, the tables
together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

BRIGHTNESS = ["AB mag", "Vega mag", "mJy", "erg / s / cm² / Å"]
FLUX = ["mJy", "erg / s / cm² / Å"]
WAVELENGTH = ["Å", "nm", "\N{MICRO SIGN}m", "Hz", "GHz", "THz"]
ANGLE = ["degrees", "mas", "arcsec", "arcmin"]
ORBIT = [
    "epoch_of_elements",
    "orbital_inclination",
    "longitude_of_the_ascending_node",
    "argument_of_the_perihelion",
    "eccentricity",
]
REQUIRED = ["This field is required."]

Errors = dict[str, Any]


def errors(message: Any) -> Errors:
    """Return what is wrong with a message, nothing where it is valid."""
    found: Errors = {
        name: REQUIRED
        for name in ("title", "topic", "submitter")
        if not str(message.get(name) or "").strip()
    }
    data = message.get("data") or {}
    tables = {
        name: [rule(row) for row in data.get(name) or []]
        for name, rule in _RULES.items()
    }
    if not any(map(any, tables.values())):
        tables = _together(data)
    wrong = {name: rows for name, rows in tables.items() if any(rows)}
    return found | ({"data": wrong} if wrong else {})


def _together(data: Any) -> dict[str, list[Errors]]:
    names = [target["name"] for target in data.get("targets") or []]
    unknown = {
        "target_name": ["The target_name must reference a name in your target table"]
    }
    twice = {"name": ["The target name must be unique within the submission"]}
    found = {
        table: [
            {} if row["target_name"] in names else unknown
            for row in data.get(table) or []
        ]
        for table in ("photometry", "spectroscopy", "astrometry")
    }
    found["targets"] = [twice if names.count(name) > 1 else {} for name in names]
    return found


def _target(row: Any) -> Errors:
    found = _missing(row, "name")
    orbit = row.get("orbital_elements")
    if orbit is not None:
        lacking = {name: REQUIRED for name in ORBIT if orbit.get(name) is None}
        if lacking:
            found["orbital_elements"] = lacking
    elif row.get("ra") is None or row.get("dec") is None:
        words = ["ra/dec or orbital elements are required"]
        found |= {"ra": words, "dec": words}
    return found


def _common(row: Any) -> Errors:
    found = _missing(row, "target_name", "date_obs")
    if not (row.get("telescope") or row.get("instrument")):
        words = ["Must have at least one of telescope or instrument set"]
        found |= {"telescope": words, "instrument": words}
    return found


def _photometry(row: Any) -> Errors:
    found = _common(row) | _missing(row, "bandpass")
    for name in ("brightness_unit", "limiting_brightness_unit"):
        found |= _choice(row, name, BRIGHTNESS)
    if not (row.get("brightness") or row.get("limiting_brightness")):
        words = ["brightness or limiting_brightness are required"]
        found |= {"brightness": words, "limiting_brightness": words}
    return found


def _spectroscopy(row: Any) -> Errors:
    found = _common(row)
    found |= _choice(row, "flux_units", FLUX)
    found |= _choice(row, "wavelength_units", WAVELENGTH)
    if len(row.get("flux", [])) != len(row.get("wavelength", [])):
        words = "Must have same number of datapoints for flux and wavelength"
        found["non_field_errors"] = [words]
    return found


def _astrometry(row: Any) -> Errors:
    found = _common(row) | _missing(row, "ra", "dec")
    for name in ("ra_error_units", "dec_error_units"):
        found |= _choice(row, name, ANGLE)
    return found


def _missing(row: Any, *names: str) -> Errors:
    return {name: REQUIRED for name in names if row.get(name) in (None, "")}


def _choice(row: Any, name: str, choices: list[str]) -> Errors:
    if name not in row or row[name] in choices:
        return {}
    return {name: [f'"{row[name]}" is not a valid choice.']}


_RULES: dict[str, Callable[[Any], Errors]] = {
    "targets": _target,
    "photometry": _photometry,
    "spectroscopy": _spectroscopy,
    "astrometry": _astrometry,
}
