"""A data point as TOM Toolkit 3.1 reads, compares and shows it.

Called by `remote_store`. Mirrors `try_parse_reduced_datum`, the models' constraints and
the serializer of the host.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

Json = dict[str, Any]

_COMMON = ("telescope", "instrument", "source_name", "source_location")
_OWN_NAMES = {
    "photometry": {
        "magnitude": "brightness",
        "mag": "brightness",
        "error": "brightness_error",
        "magnitude_error": "brightness_error",
        "filter": "bandpass",
        "band": "bandpass",
        "f": "bandpass",
    },
    "spectroscopy": {"flux_units": "flux_unit", "wavelength_units": "wavelength_unit"},
    "astrometry": {},
}
_COLUMNS = {
    "photometry": (
        *("brightness", "brightness_error", "bandpass", "limit", "unit"),
        "exposure_time",
    ),
    "spectroscopy": (
        *("flux", "wavelength", "error", "flux_unit", "wavelength_unit"),
        *("setup", "exposure_time"),
    ),
    "astrometry": (
        "ra",
        "dec",
        "ra_error",
        "dec_error",
        "ra_error_units",
        "dec_error_units",
    ),
}
_SHOWN = {
    "photometry": ("brightness", "brightness_error", "bandpass", "unit"),
    "spectroscopy": ("flux", "wavelength", "error", "flux_unit", "wavelength_unit"),
    "astrometry": _COLUMNS["astrometry"],
}
_UNIQUE = {
    "photometry": (
        ("bandpass", "timestamp", "brightness", "instrument", "reduction_version"),
        ("bandpass", "timestamp", "limit", "instrument", "reduction_version"),
    ),
    "spectroscopy": (
        ("timestamp", "telescope", "instrument", "flux", "reduction_version"),
    ),
    "astrometry": (
        ("timestamp", "telescope", "instrument", "ra", "dec", "reduction_version"),
    ),
}


class InternalError(Exception):
    """What the real host answers with an HTML page and status 500."""


def columns(kind: str) -> tuple[str, ...]:
    """Return the columns that a kind of data has besides those of all kinds."""
    return _COLUMNS[kind]


def wrong_words(body: Json) -> Json:
    """Return the host's complaints about lengths, or nothing."""
    longest = {"source_name": 100, "source_location": 200}
    return {
        name: [f"Ensure this field has no more than {limit} characters."]
        for name, limit in longest.items()
        if len(body.get(name) or "") > limit
    }


def parse(body: Json) -> Json:
    """Sort a posted data point into columns and extras, as the host does."""
    kind = body["data_type"].lower()
    value = dict(body.get("value") or {})
    fields: Json = {
        name: value.pop(name, body.get(name, ""))
        for name in (*_COMMON, "reduction_version")
    }
    if kind in _COLUMNS:
        for theirs, ours in _OWN_NAMES[kind].items():
            if theirs in value:
                value[ours] = value.pop(theirs)
        fields |= {name: value.pop(name, None) for name in _COLUMNS[kind]}
        if kind == "photometry" and not 0 < len(fields["bandpass"] or "") <= 32:
            raise InternalError("bandpass")
    return {
        "target": int(body["target"]),
        "data_type": kind,
        "timestamp": datetime.fromisoformat(body["timestamp"]),
        "fields": fields,
        "extras": value,
    }


def clash(new: Json, old: Json) -> bool:
    """True where the host's database or its checks take two for one."""
    if any(new[name] != old[name] for name in ("target", "data_type", "timestamp")):
        return False
    if new["data_type"] not in _UNIQUE:
        return bool(new["extras"] == old["extras"])
    return any(_agree(new, old, names) for names in _UNIQUE[new["data_type"]])


def _agree(new: Json, old: Json, names: tuple[str, ...]) -> bool:
    """True if all columns agree; to SQL, one that is NULL agrees with nothing."""
    for name in names:
        if name == "timestamp":
            continue
        mine, theirs = new["fields"].get(name), old["fields"].get(name)
        if mine is None or theirs is None or mine != theirs:
            return False
    return True


def shown(datum: Json) -> Json:
    """Return what the API shows of a data point: neither limit nor extras."""
    kind, fields = datum["data_type"], datum["fields"]
    value = datum["extras"]
    if kind in _SHOWN:
        value = {n: fields[n] for n in (*_SHOWN[kind], "telescope", "instrument")}
    return {
        "data_product": None,
        "data_type": kind,
        "source_name": fields["source_name"],
        "source_location": fields["source_location"],
        "timestamp": datum["timestamp"].isoformat().replace("+00:00", "Z"),
        "value": value,
        "target": datum["target"],
    }
