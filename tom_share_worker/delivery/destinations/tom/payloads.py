"""Puts a parcel into the words of a stock TOM's REST API: pure functions.

Field names are those of TOM Toolkit's serializers; what a stock TOM cannot hold raises
`Unsendable` with the reason, so that one bad row never spoils a batch.
"""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Any

from django.utils import timezone

from tom_share_worker.delivery.ledger import Key
from tom_share_worker.delivery.outcomes import Unsendable
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

MAX_LENGTHS = {
    "bandpass": 32,
    "unit": 32,
    "ra_error_units": 32,
    "dec_error_units": 32,
    "data_type": 100,
    "setup": 2000,
    "source_name": 100,
    "source_location": 200,
    "telescope": 255,
    "instrument": 255,
    "reduction_version": 50,
}
"""What a stock TOM's columns hold; longer text it answers with an internal error."""


_SURROGATE = re.compile("[\ud800-\udfff]")


def target(parcel: TargetParcel) -> dict[str, Any]:
    """Return the body that creates a target: no id, no permission of ours in it."""
    body = {
        name: value
        for name, value in parcel.fields.items()
        if value is not None and value != ""
    }
    for name, value in body.items():
        _require_finite(name, value)
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
    _require_sendable(key, datum)
    value = {
        theirs: getattr(datum, ours)
        for ours, theirs in FIELDS[key.kind].items()
        if getattr(datum, ours) not in (None, "")
    }
    value |= _free_values(key.kind, datum)
    for name, item in value.items():
        _require_storable("value", name)
        _require_storable(name, item)
    source_name, source_location = _source(parcel, key, datum)
    body = {
        "target": remote_id,
        "data_type": datum.data_type if key.kind == "generic" else key.kind,
        "source_name": source_name,
        "source_location": source_location,
        "timestamp": _moment(datum.timestamp),
    }
    # TOM Toolkit 3 fails at an empty value, and takes a row without one.
    return body | {"value": value} if value else body


def _free_values(kind: str, datum: Any) -> dict[str, Any]:
    """Return the free values, those with a name of a column under another name."""
    if datum.value and not isinstance(datum.value, dict):
        raise Unsendable(
            "Its value is not a set of names and values, as another TOM requires."
        )
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


def _source(parcel: DatumsParcel, key: Key, datum: Any) -> tuple[str, str]:
    """Return where a data point comes from: its own source, else this TOM."""
    if datum.source_name.strip():
        return datum.source_name, datum.source_location
    address = (parcel.public_url or f"<{parcel.tom_name}.url>").rstrip("/")
    location = f"{address}/api/reduceddatums/{key.pk}/"
    return parcel.tom_name[:100], datum.source_location or location[:200]


def _moment(timestamp: datetime) -> str:
    """Return a time with its offset; a TOM without time zones means its own."""
    if timezone.is_naive(timestamp):
        timestamp = timezone.make_aware(timestamp)
    return timestamp.isoformat()


def _require_sendable(key: Key, datum: Any) -> None:
    if datum is None:
        raise Unsendable("It was deleted from this TOM before it could be sent.")
    for name, longest in MAX_LENGTHS.items():
        text = getattr(datum, name, None) or ""
        if len(text) > longest:
            raise Unsendable(
                f"Its {name} has {len(text)} characters; another TOM holds {longest}."
            )
    if key.kind == "photometry" and not datum.bandpass:
        raise Unsendable("It has no filter (bandpass), which another TOM requires.")
    if key.kind == "generic" and not datum.data_type.strip():
        raise Unsendable("It has no data type, which another TOM requires.")
    for name in ("data_type", "source_name", "source_location"):
        _require_storable(name, getattr(datum, name, None))


def _require_storable(name: str, value: Any) -> None:
    """Refuse, however deep, what JSON has no words for and what databases refuse."""
    if isinstance(value, float):
        _require_finite(name, value)
    elif isinstance(value, str):
        if "\0" in value or (not value.isascii() and _SURROGATE.search(value)):
            raise Unsendable(
                f"Its {name} holds what databases take for no text: a NUL character, "
                f"or half of a character."
            )
    elif isinstance(value, dict):
        for inner, item in value.items():
            _require_storable(name, inner)
            _require_storable(name, item)
    elif isinstance(value, list | tuple):
        for item in value:
            _require_storable(name, item)


def _require_finite(name: str, value: Any) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise Unsendable(f"Its {name} is {value}, which is not a finite number.")
