"""Is a row that a TOM shows the data point of ours that it looks like?

Asked by `stored` and `datums`. The API shows a part of a row only, so nothing is taken
for ours that differs in anything it does show.
"""

from __future__ import annotations

from collections.abc import Set
from datetime import datetime
from typing import Any

from tom_share_worker.delivery.destinations.tom import payloads

Row = dict[str, Any]

_HIDDEN = {"telescope", "instrument", "reduction_version"}
"""Of data of a kind of its own, TOM Toolkit 3 shows the free values, without these."""

_SHOWN = {
    "photometry": ("brightness", "error", "bandpass", "unit"),
    "spectroscopy": ("flux", "wavelength", "error", "flux_unit", "wavelength_unit"),
    "astrometry": (
        *("ra", "dec", "ra_error", "dec_error", "ra_error_units", "dec_error_units"),
    ),
}
"""What every release shows of each kind, besides telescope and instrument."""

_CANONICAL = {
    "magnitude": "brightness",
    "brightness_error": "error",
    "filter": "bandpass",
    "flux_units": "flux_unit",
    "wavelength_units": "wavelength_unit",
}


def same(body: Row, row: Row) -> bool:
    """True if a row read back is the one that was sent, as far as the API shows it."""
    kind = kind_of(body)
    theirs, ours = row.get("value"), body.get("value", {})
    if kind_of(row) != kind or not isinstance(theirs, dict):
        return False
    if time_of(row.get("timestamp")) != time_of(body["timestamp"]):
        return False
    theirs, ours = canonical(theirs), canonical(ours)
    if kind in _SHOWN:
        return _agree(ours, theirs, {*_SHOWN[kind], "telescope", "instrument"})
    return _agree(ours, theirs, ours.keys() - _HIDDEN) or _agree(
        given := _as_given(ours), _as_given(theirs), given.keys() - _HIDDEN
    )


def _agree(ours: Row, theirs: Row, shown: Set[str]) -> bool:
    return all(ours.get(name) == theirs.get(name) for name in shown | theirs.keys())


def kind_of(row: Row) -> str:
    """Return a data type as TOM Toolkit 3 keeps it."""
    return str(row.get("data_type")).strip().lower()


def shows_all(body: Row) -> bool:
    """True if it can be looked up: one that looks like this one is no other one."""
    return not _hidden(body)


def _hidden(body: Row) -> set[str]:
    """Return what makes a row another one for a TOM and is not always shown.

    The version of the reduction, and the limit where there is no brightness.
    """
    value = body.get("value", {})
    names = {"reduction_version"} if value.get("reduction_version") else set()
    return names if "magnitude" in value else names | ({"limit"} & value.keys())


def proves(body: Row, row: Row) -> bool:
    """True if a row there is this one, and not another one that looks like it."""
    return same(body, row) and (
        _hidden(body) <= canonical(row["value"]).keys() or _origin(body) == _origin(row)
    )


def is_a_twin(body: Row, row: Row) -> bool:
    """True if a row that looks the same is another one from where this one is from.

    It may have a version of the reduction, not shown, where this one has none.
    """
    (name, location), (their_name, their_location) = _origin(body), _origin(row)
    return kind_of(body) in _SHOWN and name == their_name and location != their_location


def _origin(row: Row) -> tuple[str, ...]:
    names = ("source_name", "source_location")
    return tuple(str(row.get(name) or "").strip() for name in names)


def canonical(value: Row) -> Row:
    """Return values under one name each, without those that say nothing."""
    return {
        _CANONICAL.get(name, name): item
        for name, item in value.items()
        if item not in (None, "", [])
    }


def _as_given(value: Row) -> Row:
    """Return free values under the names they had before they were sent anywhere.

    Data that came from there under another name, because its own is that of a column,
    is the same data: else it would be sent back as something new.
    """
    return {
        name if (plain := _without_extra(name)) in value else plain: item
        for name, item in value.items()
    }


def _without_extra(name: str) -> str:
    plain = name
    while plain.startswith("extra_"):
        plain = plain.removeprefix("extra_")
    return plain if plain in payloads.RESERVED["generic"] else name


def time_of(text: Any) -> datetime | None:
    """Return the moment a text means, or None where it means none."""
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None
