"""Puts a parcel into the words of a stock TOM's REST API: pure functions.

Field names are those of TOM Toolkit's serializers; what a stock TOM cannot hold raises
`Unsendable` with the reason, so that one bad row never spoils a batch.
"""

from __future__ import annotations

from typing import Any

from tom_share_worker.delivery.destinations.tom import sendable
from tom_share_worker.delivery.ledger import Key
from tom_share_worker.delivery.parcels import DatumsParcel, TargetParcel

_PHOTOMETRY = {
    "brightness": "magnitude",
    "brightness_error": "error",
    "bandpass": "filter",
    "limit": "limit",
    "unit": "unit",
    "exposure_time": "exposure_time",
}
_SPECTROSCOPY = {
    "flux": "flux",
    "wavelength": "wavelength",
    "error": "error",
    "flux_unit": "flux_units",
    "wavelength_unit": "wavelength_units",
    "setup": "setup",
    "exposure_time": "exposure_time",
}
_ASTROMETRY = {
    name: name
    for name in (
        "ra",
        "dec",
        "ra_error",
        "dec_error",
        "ra_error_units",
        "dec_error_units",
    )
}
_COMMON = {name: name for name in ("telescope", "instrument", "reduction_version")}

FIELDS: dict[str, dict[str, str]] = {
    "photometry": _PHOTOMETRY | _COMMON,
    "spectroscopy": _SPECTROSCOPY | _COMMON,
    "astrometry": _ASTROMETRY | _COMMON,
    "generic": _COMMON,
}
"""For each kind of data point: our field, and the key every release understands."""

_COLUMNS = {
    *("id", "target", "data_product", "timestamp", "data_type", "value"),
    *("source_name", "source_location", "telescope", "instrument"),
    "reduction_version",
}
RESERVED: dict[str, set[str]] = {
    "photometry": {
        *_COLUMNS,
        *("brightness", "magnitude", "mag", "limit", "unit", "exposure_time"),
        *("brightness_error", "error", "magnitude_error", "mag_err"),
        *("bandpass", "filter", "band", "f"),
    },
    "spectroscopy": {
        *_COLUMNS,
        *("setup", "exposure_time", "flux", "f", "wavelength", "wave", "wl", "lambda"),
        *("error", "err", "flux_error", "f_error"),
        *("flux_unit", "f_unit", "flux_units", "f_units"),
        *("wavelength_unit", "w_unit", "wavelength_units", "w_units"),
        *("lambda_unit", "lambda_units"),
    },
    "astrometry": {
        *_COLUMNS,
        *("ra", "right_ascension", "ra_deg", "dec", "declination", "dec_deg"),
        *("ra_error", "right_ascension_error", "ra_err"),
        *("dec_error", "declination_error", "dec_err"),
        *("ra_error_units", "ra_err_units", "dec_error_units", "dec_err_units"),
    },
    "generic": _COLUMNS,
}
"""Names of free values that the receiving side takes for columns, by kind."""


def target(parcel: TargetParcel) -> dict[str, Any]:
    """Return the body that creates a target: no id, no permission of ours in it."""
    body = {
        name: value
        for name, value in parcel.fields.items()
        if value is not None and value != ""
    }
    for name, value in body.items():
        sendable.require_finite(name, value)
    return body | {
        "aliases": [{"name": name} for name in _aliases(parcel)],
        "targetextra_set": [
            {"key": key, "value": value}
            for key, value in parcel.extras.items()
            if key.strip()
        ],
        "groups": [],
        "target_lists": target_lists(parcel)["target_lists"],
        "shared_by": parcel.shared_by,
        "shared_from": parcel.shared_from,
    }


def _aliases(parcel: TargetParcel) -> list[str]:
    """Return the aliases once each: a TOM strips their ends, and fails at a repeat."""
    name, *others = (name.strip() for name in parcel.target.names)
    return [alias for alias in dict.fromkeys(others) if alias not in ("", name)]


def target_lists(parcel: TargetParcel) -> dict[str, Any]:
    """Return the body that puts an existing target into the lists."""
    return {"target_lists": [{"name": name} for name in parcel.lists]}


def datum(parcel: DatumsParcel, key: Key, datum: Any, remote_id: str) -> dict[str, Any]:
    """Return the body that creates one data point at a stock TOM."""
    sendable.require(key, datum)
    for name in ("data_type", "source_name", "source_location"):
        sendable.require_storable(name, getattr(datum, name, None))
    value = {
        theirs: getattr(datum, ours)
        for ours, theirs in FIELDS[key.kind].items()
        if getattr(datum, ours) not in (None, "")
    }
    value |= _free_values(key.kind, datum)
    for name, item in value.items():
        sendable.require_storable("value", name)
        sendable.require_storable(name, item)
    source_name, source_location = sendable.source(parcel, key, datum)
    body = {
        "target": remote_id,
        "data_type": datum.data_type if key.kind == "generic" else key.kind,
        "source_name": source_name,
        "source_location": source_location,
        "timestamp": sendable.moment(datum.timestamp),
    }
    # TOM Toolkit 3 fails at an empty value, and takes a row without one.
    return body | {"value": value} if value else body


def _free_values(kind: str, datum: Any) -> dict[str, Any]:
    """Return the free values, those with a name of a column under another name."""
    given = datum.value or {}
    taken = RESERVED[kind] | given.keys()
    found = {}
    for name, value in given.items():
        free = name
        if name in RESERVED[kind]:
            while free in taken:
                free = f"extra_{free}"
            taken = taken | {free}
        found[free] = value
    return found
