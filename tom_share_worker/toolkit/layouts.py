"""What the host makes of a row of a data processor, learned once for each layout.

Used by `inserting`. The host's `try_parse_reduced_datum` looks at the names of a row's
values, not at the values, to tell which go to which column. So it is asked once for
each set of names, with marks in place of the values, and where the marks end up is
where all values of such rows belong. `tests/toolkit/test_layouts.py` holds the proof.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import models
from tom_dataproducts import models as host

from tom_share_worker.toolkit import DATUM_MODELS

OF_THE_PRODUCT = ("target", "data_product")
"""What a row has from its data product, and not from the file."""

_LOOKED_INTO = {"value", "data_type", *OF_THE_PRODUCT}
"""Names whose values the host looks at, or that decide on more than one column."""


@dataclass(frozen=True)
class Layout:
    """Where the values of rows with the same names belong."""

    model: type[models.Model]
    taken: dict[str, tuple[str, Any]]
    """Columns by the name of the value that they take, and what stands for false."""
    fixed: dict[str, Any]
    """Columns that the file says nothing of, with their value."""
    extra: tuple[str, ...]
    """Names without a column: they go into the free JSON of the row, in this order."""


AS_IT_IS = object()
"""Stands for false in a column: whatever the file says, nought and empty included."""


class _Mark:
    """Stands for a value, and can be recognised wherever it ends up."""

    def __init__(self, name: str, truth: bool) -> None:
        self.name, self._truth = name, truth

    def __bool__(self) -> bool:
        return self._truth


@lru_cache(maxsize=128)
def learn(data_type: str, names: tuple[str, ...]) -> Layout | None:
    """Return where values of these names belong; None where only the host can tell."""
    if not _LOOKED_INTO.isdisjoint(names):
        return None
    try:
        datum, doubtful = (_asked(data_type, names, truth) for truth in (True, False))
    except Exception:  # noqa: BLE001  (with the real values the host says it itself)
        return None
    if datum.pk is not None:
        return None
    taken, fixed = {}, {}
    for field in datum._meta.concrete_fields:
        if field.primary_key or field.name in OF_THE_PRODUCT or field.name == "value":
            continue
        value, if_false = getattr(datum, field.name), getattr(doubtful, field.name)
        if isinstance(value, _Mark):
            kept = isinstance(if_false, _Mark)
            taken[field.name] = (value.name, AS_IT_IS if kept else if_false)
        else:
            fixed[field.name] = value
    return Layout(type(datum), taken, fixed, tuple(datum.value))


def _asked(data_type: str, names: tuple[str, ...], truth: bool) -> Any:
    marks: dict[str, Any] = {name: _Mark(name, truth) for name in names}
    unknown = dict.fromkeys(OF_THE_PRODUCT)
    return host.try_parse_reduced_datum({**unknown, "data_type": data_type, **marks})


KNOWN_FIELDS = (
    models.AutoField,
    models.CharField,
    models.DateTimeField,
    models.FloatField,
    models.ForeignKey,
    models.JSONField,
    models.TextField,
)
"""Fields that take no part in making a value: what is given is what is stored."""


def is_plain(model: type[models.Model]) -> bool:
    """True if a model's rows can be written without an instance for each."""
    return model in DATUM_MODELS.values() and all(
        isinstance(field, KNOWN_FIELDS)
        and not getattr(field, "auto_now", False)
        and not getattr(field, "auto_now_add", False)
        and not field.generated
        for field in model._meta.concrete_fields
    )
