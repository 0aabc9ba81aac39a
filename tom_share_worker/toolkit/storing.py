"""What storing data points of another TOM needs of the host: columns, rules, rights.

Used by `ingest.peers`. The rules are read from the host's models, so that they are
those of the release that is installed. `tests/toolkit/test_storing.py` holds a test for
each thing this file relies on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from guardian.shortcuts import assign_perm
from tom_dataproducts import data_processor
from tom_dataproducts.fields import FloatArrayField

from tom_share_worker.toolkit import DATUM_MODELS, full_target, target_model

TIME, NUMBER, NUMBERS, TEXT, OBJECT = "time", "number", "numbers", "text", "object"

_TYPES: tuple[tuple[type[models.Field[Any, Any]], str], ...] = (
    (FloatArrayField, NUMBERS),
    (models.JSONField, OBJECT),
    (models.DateTimeField, TIME),
    (models.FloatField, NUMBER),
    (models.CharField, TEXT),
    (models.TextField, TEXT),
)
_NOT_SENT = {"id", "target", "data_product"}
"""Columns that mean something in this TOM only."""


class Column(NamedTuple):
    """One column of a kind of data points, as another TOM may fill it."""

    name: str
    type: str
    longest: int | None
    required: bool
    default: Any
    """The value of a column that is left out; a function where it must be a new one."""

    place: int
    """Its place among the values that make a row of the model."""


def columns(kind: str) -> list[Column]:
    """Return the columns of a kind of data points that another TOM may send."""
    return [
        _column(field, place)
        for place, field in enumerate(DATUM_MODELS[kind]._meta.concrete_fields)
        if field.name not in _NOT_SENT
    ]


def width(kind: str) -> int:
    """Return how many values make a row of the model."""
    return len(DATUM_MODELS[kind]._meta.concrete_fields)


def target_place(kind: str) -> int:
    """Return the place of the target's id among the values that make a row."""
    fields = DATUM_MODELS[kind]._meta.concrete_fields
    return [field.name for field in fields].index("target")


def _column(field: Any, place: int) -> Column:
    known = next(word for of_type, word in _TYPES if isinstance(field, of_type))
    default = field.default if field.has_default() else None
    return Column(field.name, known, field.max_length, not field.blank, default, place)


def unique_keys(kind: str) -> list[tuple[str, ...]]:
    """Return the columns which, for one target, the database wants to be unique.

    A row that has nothing in one of them is none of that constraint's business.
    """
    return [
        tuple(name for name in constraint.fields if name != "target")
        for constraint in DATUM_MODELS[kind]._meta.constraints
        if isinstance(constraint, models.UniqueConstraint)
    ]


def target_to_change(user: Any, pk: int) -> Any:
    """Return a target if an account may change it, by the host's rule for data.

    The host looks among all targets that the account may change, which takes long for
    one that may change many; asked for one target, the rule is the same.
    """
    target = full_target(pk)
    permission = f"{target_model()._meta.app_label}.change_target"
    may = target is not None and (
        user.has_perm(permission) or user.has_perm(permission, target)
    )
    return target if may else None


def lock_target(pk: int) -> bool:
    """Let nobody else store for a target or delete it now; False if it is gone.

    To be called in a transaction. It is the row that all kinds of targets have.
    """
    base: Any = DATUM_MODELS["generic"]._meta.get_field("target").related_model
    locked = base._default_manager.filter(pk=pk).select_for_update(no_key=True)
    return bool(locked.values_list("pk", flat=True))


def let_view(user: AbstractBaseUser | AnonymousUser, datums: Sequence[Any]) -> None:
    """Let an account view data points of one kind, where targets do not decide."""
    if datums and not settings.TARGET_PERMISSIONS_ONLY:
        meta = datums[0]._meta
        permission = f"{meta.app_label}.view_{meta.model_name}"
        assign_perm(permission, user, list(datums))


def share_new(target: Any, datums: Sequence[Any]) -> None:
    """Hand new data to continuous sharing, by the name that the host calls it by."""
    if datums:
        data_processor.continuous_share_data(target, list(datums))
