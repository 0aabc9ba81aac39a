"""What this TOM holds of the data points of a batch: which are there, which clash.

Used by `store`, in the transaction that stores, for one target and one kind at a time.
A data point is there if a row has the same measurement; where the data came from, and
what is beside it, makes no other measurement. Where the database wants some columns to
be unique, a row with the same in those and another measurement is in the way. Rows that
no constraint concerns (generic data, photometry without a value) are compared whole.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from decimal import Decimal
from operator import attrgetter
from typing import Any, NamedTuple

from tom_share_worker.toolkit import DATUM_MODELS, storing

SLICE = 500
"""Times named in one query: databases bound them."""

BESIDE = ("source_name", "source_location", "value")
"""What is told of a measurement, and is no part of it."""

GIVEN = "/api/reduceddatums/"
"""Part of the location that a TOM gives to what it shares without a source of its own.
It is no source: where the data point began, and when it comes back there, it has none.
"""


class Found(NamedTuple):
    """A data point that stands where another one would go."""

    differs: str
    """The first column of the measurement that differs; empty where none does."""

    batch_mate: Any
    """The data point of the same batch that it is; None where it was there before."""

    key: tuple[str, ...]
    """The columns in which the two are the same."""


class Holdings:
    """Data points of one kind and target: those there were, and those that come."""

    def __init__(self, kind: str, target_pk: int, datums: Sequence[Any]) -> None:
        self._names = [c.name for c in storing.columns(kind) if c.name not in BESIDE]
        self._measured = _getter(self._names)
        self._keys = [(key, _getter(key)) for key in storing.unique_keys(kind)]
        self._all_but_source = _getter([*self._names, "value"])
        self._held: dict[Hashable, tuple[Any, Any]] = {}
        self._has_loose = any(not self._places(datum) for datum in datums)
        columns = [*self._names, *BESIDE] if self._has_loose else self._names
        for row in _rows(kind, target_pk, datums, columns):
            self._put(row, None)

    def find(self, datum: Any) -> Found | None:
        """Return what stands where a data point would go."""
        places = self._places(datum)
        if not places:
            held = self._held.get(self._whole(datum))
            return Found("", held[1], ()) if held else None
        clash = None
        for key, place in places:
            if held := self._held.get(place):
                differs = self._difference(self._measured(datum), held[0])
                clash = Found(differs, held[1], key)
                if not differs:
                    return clash
        return clash

    def add(self, datum: Any) -> None:
        """Remember a data point of the batch that will be stored."""
        self._put(datum, datum)

    def _put(self, datum: Any, batch_mate: Any) -> None:
        places = self._places(datum)
        entry = (self._measured(datum), batch_mate)
        for _, place in places:
            self._held[place] = entry
        if self._has_loose and not places:
            self._held[self._whole(datum)] = entry

    def _whole(self, datum: Any) -> Hashable:
        """Return all of a data point that tells it from others."""
        source = datum.source_name, datum.source_location
        return self._all_but_source(datum), ("", "") if GIVEN in source[1] else source

    def _places(self, datum: Any) -> list[tuple[tuple[str, ...], Hashable]]:
        """Return the constraints that concern a data point, and its place in each."""
        found: list[tuple[tuple[str, ...], Hashable]] = []
        for key, getter in self._keys:
            values = getter(datum)
            if None not in values:
                found.append((key, (key, values)))
        return found

    def _difference(self, mine: Any, theirs: Any) -> str:
        pairs = zip(self._names, mine, theirs, strict=True)
        return next((name for name, one, other in pairs if one != other), "")


def _rows(
    kind: str, target_pk: int, datums: Sequence[Any], columns: Sequence[str]
) -> Iterator[Any]:
    """Yield the rows there are at the times of these data points, as few as may be."""
    there = DATUM_MODELS[kind]._default_manager.filter(target_id=target_pk)
    if "bandpass" in columns:
        # The host's index begins with it: at one time a survey has many a target.
        bandpasses = {datum.bandpass for datum in datums}
        there = there.filter(bandpass__in=bandpasses)
    times = sorted({datum.timestamp for datum in datums})
    for start in range(0, len(times), SLICE):
        some = there.filter(timestamp__in=times[start : start + SLICE])
        yield from some.values_list(*columns, named=True)


def _getter(names: Sequence[str]) -> Any:
    """Return a function that gives the values of some columns, to compare by."""
    get = attrgetter(*names)
    ways: list[Callable[[Any], Any]] = [_WAYS.get(name, _as_it_is) for name in names]
    if all(way is _as_it_is for way in ways):
        return get
    return lambda datum: tuple(
        way(value) for way, value in zip(ways, get(datum), strict=True)
    )


def _as_it_is(value: Any) -> Any:
    return value


def frozen(value: Any) -> Hashable:
    """Return a JSON value such that equal ones are equal in Python, too.

    Numbers count by what is written: databases write 1e+23 as a whole number. Truth is
    no number, although Python thinks so.
    """
    match value:
        case dict():
            return frozenset((key, frozen(part)) for key, part in value.items())
        case list():
            return tuple(map(frozen, value))
        case bool():
            return ("bool", value)
        case int() | float():
            return Decimal(repr(value))
    text: Hashable = value
    return text


_WAYS: dict[str, Callable[[Any], Any]] = {
    "value": frozen,
    "flux": tuple,
    "wavelength": tuple,
    "error": tuple,
}
"""How the columns are compared that hold more than one value."""
