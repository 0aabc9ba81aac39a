"""Makes a row of what another TOM says of a data point, or tells why that cannot be.

Called by `datums` for each data point of a batch, thousands of times in a request: so
each kind has a table, made once from the host's own columns, and no serializer. The
columns are read by `readers`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from django.db import models

from tom_share_worker.ingest.peers import readers
from tom_share_worker.ingest.peers.readers import Reader, Unusable
from tom_share_worker.toolkit import DATUM_MODELS, storing

KIND = "kind"

_READERS: dict[str, Callable[[storing.Column], Reader]] = {
    storing.TIME: lambda _: readers.time,
    storing.NUMBER: lambda _: readers.number,
    storing.NUMBERS: lambda _: readers.numbers,
    storing.TEXT: lambda column: readers.text(column.longest),
    storing.OBJECT: lambda _: readers.free,
}


class Table(NamedTuple):
    """How one kind of data points is read."""

    model: type[models.Model]
    places: dict[str, tuple[int, Reader]]
    empty: list[Any]
    fresh: list[tuple[int, Callable[[], Any]]]
    required: list[tuple[int, str]]
    target: int


@cache
def table(kind: str) -> Table:
    """Return the table of a kind, made from the host's model."""
    columns = storing.columns(kind)
    empty: list[Any] = [None] * storing.width(kind)
    for column in columns:
        if not (column.required or callable(column.default)):
            empty[column.place] = column.default
    return Table(
        model=DATUM_MODELS[kind],
        places={c.name: (c.place, _READERS[c.type](c)) for c in columns},
        empty=empty,
        fresh=[
            (c.place, c.default)
            for c in columns
            if callable(c.default) and not c.required
        ],
        required=[(c.place, c.name) for c in columns if c.required],
        target=storing.target_place(kind),
    )


def read(sent: Any, target_pk: int) -> Any:
    """Return an unsaved row of the host's model, or raise Unusable with the reason."""
    if not isinstance(sent, dict):
        raise Unusable("It is not a JSON object.")
    kind = sent.get(KIND)
    if not isinstance(kind, str) or kind not in DATUM_MODELS:
        raise Unusable(f"Its kind is none of {', '.join(DATUM_MODELS)}.")
    found = table(kind)
    values = found.empty.copy()
    values[found.target] = target_pk
    _fill(values, sent, found.places)
    for place, name in found.required:
        if values[place] is None or values[place] == "":
            raise Unusable(f"It has no {name}.")
    for place, make in found.fresh:
        if values[place] is None:
            values[place] = make()
    if kind == "generic":
        _refuse_own_kind(values[found.places["data_type"][0]])
    return found.model(*values)


def _fill(
    values: list[Any], sent: dict[str, Any], places: dict[str, tuple[int, Reader]]
) -> None:
    """Put what was sent where it belongs; null is the same as left out."""
    for name, value in sent.items():
        if value is None or name == KIND:
            continue
        if name not in places:
            raise Unusable(
                f"It has a field that this TOM does not know: {readers.shown(name)}."
            )
        place, reader = places[name]
        try:
            values[place] = reader(value)
        except Unusable as reason:
            raise Unusable(f"Its {name} {reason}.") from None


def _refuse_own_kind(data_type: str) -> None:
    """Refuse generic data of a type that has columns of its own.

    The host would put it among the others, where nobody looks for photometry.
    """
    if data_type.lower() in DATUM_MODELS:
        raise Unusable(
            f"Its data_type is {readers.shown(data_type)}: send it as a data point of "
            f"that kind."
        )
