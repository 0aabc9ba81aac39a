"""Puts the rows of a data processor into the host's tables, many at a time.

Called by `processing`. What is stored is what the host would store, by the way of its
`try_parse_reduced_datum` and a bulk insert that passes over what is there already. On
SQLite and PostgreSQL the rows are written column by column, as `layouts` says, without
an instance for each: a model's instance costs more than all else in a row.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connections, models, router
from django.db.models.constants import OnConflict
from django.utils import timezone
from tom_dataproducts.models import try_parse_reduced_datum

from tom_share_worker.models import logged
from tom_share_worker.toolkit import layouts
from tom_share_worker.toolkit.layouts import Layout

logger = logging.getLogger(__name__)

Row = tuple[Any, dict[str, Any], Any]
"""What a data processor yields: the time, the data, the source."""

_SWIFT = {"sqlite", "postgresql"}
"""Databases for which there is a way without instances."""


def insert(product: Any, data_type: str, rows: Iterable[Row]) -> None:
    """Insert some rows of a data product, in their order, less what is there."""
    data = [_named(row) for row in rows]
    found = {names: layouts.learn(data_type, names) for names in set(map(tuple, data))}
    known = {names: layout for names, layout in found.items() if layout is not None}
    model = _common_model(known.values())
    if model is not None and len(known) == len(found):
        using = router.db_for_write(model)
        fields = [f for f in model._meta.concrete_fields if not f.primary_key]
        try:
            ready = _ready(fields, product, data, known, using)
        except Exception:
            # The host's way says of the first bad row what is wrong with it.
            logger.debug(
                "Rows that cannot be stored go one by one.",
                exc_info=True,
                extra=logged.fields(logged.Action.RECEIVE),
            )
        else:
            _write(model, fields, ready, using)
            return
    _insert_instances(product, data_type, data)


_NOT_FOR_FILES = {"id", *layouts.OF_THE_PRODUCT}
"""Columns that a file does not name. The host takes an `id` for the row's own, by which
a file could hide rows and lie in the way of ids to come; at the others it fails."""


def _named(row: Row) -> dict[str, Any]:
    """Return a row as the host hands it on, less what it has from its product."""
    time, data, source = row
    # The columns want a text: with None the row is lost, or refused, by database.
    source = "" if source is None else source
    if not _NOT_FOR_FILES.isdisjoint(data):
        data = {
            f"extra_{name}" if name in _NOT_FOR_FILES else name: data[name]
            for name in data
        }
    named = {"timestamp": _aware(time), "source_name": source, **data}
    if "timestamp" in data:
        named["timestamp"] = _aware(data["timestamp"])
    return named


def _aware(time: Any) -> Any:
    """Read a time without zone as Django would, which warns of each."""
    if isinstance(time, datetime) and timezone.is_naive(time) and settings.USE_TZ:
        return timezone.make_aware(time, timezone.get_default_timezone())
    return time


def _common_model(found: Iterable[Layout]) -> type[models.Model] | None:
    """Return the model of all these layouts if its rows can go the swift way."""
    common = {layout.model for layout in found}
    if len(common) != 1:
        return None
    [model] = common
    swift = connections[router.db_for_write(model)].vendor in _SWIFT
    return model if swift and layouts.is_plain(model) else None


# --- with an instance for each row ------------------------------------------------


def _insert_instances(product: Any, data_type: str, data: list[dict[str, Any]]) -> None:
    """Insert rows as the host does it."""
    by_model: dict[Any, list[Any]] = {}
    for named in data:
        common = {"target": product.target, "data_product": product}
        datum = try_parse_reduced_datum({**common, "data_type": data_type, **named})
        datum.value = plain(datum.value)
        by_model.setdefault(type(datum), []).append(datum)
    for model, datums in by_model.items():
        model.objects.bulk_create(datums, ignore_conflicts=True)


def plain(value: Any) -> Any:
    """Return a value that JSON can say: no types of numpy, and null for no number."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: plain(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [plain(held) for held in value]
    return value


# --- column by column -------------------------------------------------------------


def _ready(
    fields: Sequence[Any],
    product: Any,
    data: list[dict[str, Any]],
    known: dict[tuple[str, ...], Layout],
    using: str,
) -> list[tuple[Any, ...]]:
    """Return rows of one model as the database takes them, in their order."""
    alike: dict[tuple[str, ...], list[int]] = {}
    for place, named in enumerate(data):
        alike.setdefault(tuple(named), []).append(place)
    rows: list[Any] = [None] * len(data)
    for names, places in alike.items():
        values = zip(*(data[place].values() for place in places), strict=True)
        columns = dict(zip(names, values, strict=True))
        made = _rows(fields, product, known[names], columns, len(places), using)
        for place, row in zip(places, made, strict=True):
            rows[place] = row
    return rows


def _rows(
    fields: Sequence[Any],
    product: Any,
    layout: Layout,
    columns: dict[str, Any],
    count: int,
    using: str,
) -> Iterable[tuple[Any, ...]]:
    """Return rows of one layout."""
    prepared = []
    own = {"target": product.target_id, "data_product": product.pk}
    for field in fields:
        prepare = _preparation(field, using)
        if field.name in layout.taken:
            name, if_false = layout.taken[field.name]
            values = columns[name]
            if if_false is not layouts.AS_IT_IS:
                values = [value or if_false for value in values]
            prepared.append([prepare(value) for value in values])
        elif field.name == "value":
            extras = _extras(layout.extra, columns)
            prepared.append(
                [prepare(extra) for extra in extras] or [prepare({})] * count
            )
        else:
            value = own[field.name] if field.name in own else layout.fixed[field.name]
            prepared.append([prepare(value)] * count)
    return zip(*prepared, strict=True)


def _preparation(field: Any, using: str) -> Callable[[Any], Any]:
    """Return what readies a value for the database; a text that returns, once."""
    connection = connections[using]
    is_number = isinstance(field, models.FloatField)
    is_json = isinstance(field, models.JSONField)
    known: dict[str, Any] = {}

    def prepare(value: Any) -> Any:
        if value is None or (is_number and type(value) is float):
            return value
        if is_json:
            return json.dumps(field.get_prep_value(value), cls=field.encoder)
        if type(value) is not str:
            return field.get_db_prep_save(value, connection=connection)
        if value not in known:
            known[value] = field.get_db_prep_save(value, connection=connection)
        return known[value]

    return prepare


def _extras(names: tuple[str, ...], columns: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the free data of each row; nothing if there is none."""
    values = [[plain(value) for value in columns[name]] for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]


def _write(
    model: type[models.Model], fields: Sequence[Any], rows: list[Any], using: str
) -> None:
    """Insert rows that are ready; pass over those that are there."""
    connection = connections[using]
    ops, ignore = connection.ops, OnConflict.IGNORE
    names = ", ".join(ops.quote_name(field.column) for field in fields)
    table = ops.quote_name(model._meta.db_table)
    head = f"{ops.insert_statement(on_conflict=ignore)} {table} ({names})"
    tail = ops.on_conflict_suffix_sql(fields, ignore, (), ())
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            places = ", ".join(["%s"] * len(fields))
            cursor.executemany(f"{head} VALUES ({places}) {tail}", rows)
            return
        # One array for each column: a statement that is short, however many rows. What
        # is written into it comes from the model; all that came in goes beside it.
        types = (str(field.db_type(connection)).partition("(")[0] for field in fields)
        arrays = ", ".join(f"(%s)::{type_}[]" for type_ in types)
        values = [_array(column) for column in zip(*rows, strict=True)]
        statement = f"{head} SELECT * FROM UNNEST({arrays}) {tail}"  # noqa: S608
        cursor.execute(statement, values)


def _array(column: Sequence[Any]) -> str:
    """Return values as PostgreSQL writes an array; the drivers take far longer."""
    if all(value is column[0] for value in column):
        return f"{{{','.join([_element(column[0])] * len(column))}}}"
    return f"{{{','.join(map(_element, column))}}}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, float | int):
        return repr(value)
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
