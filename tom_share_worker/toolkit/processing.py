"""The host's way from a data product's file to data points, in parts of its own.

Called by `ingest.jobs`: hook and `read` outside any transaction, `store` inside one.
Together they do what the host's `run_data_processor` and the views around it do, less
their defects: counts are true, permissions can be given, new data reaches continuous
sharing, and memory does not grow with the rows. `tests/toolkit/test_processing.py`
fails when the host's own way changes.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from itertools import islice
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import DataError, OperationalError, models, transaction
from guardian.ctypes import get_content_type
from guardian.shortcuts import assign_perm
from guardian.utils import get_group_obj_perms_model, get_user_obj_perms_model
from tom_common.hooks import import_method
from tom_dataproducts import data_processor

from tom_share_worker.exceptions import ConfigurationError
from tom_share_worker.models.logged import Action, fields
from tom_share_worker.toolkit import DATUM_MODELS, PersistentShare, data_has_permissions
from tom_share_worker.toolkit.at_hand import at_hand
from tom_share_worker.toolkit.inserting import Row, insert

logger = logging.getLogger(__name__)

AT_A_TIME = 1000
"""Rows that are held in memory, and written, at once."""


@dataclass(frozen=True)
class Reading:
    """What a processor made of a file."""

    data_type: str
    rows: Collection[Row]
    before: dict[str, int] = field(default_factory=dict)
    """The last id, of each kind, that the product had before it was read."""


Ids = Mapping[str, Sequence[int]]
"""The first and the last id of rows that were stored together, of each kind."""


@dataclass(frozen=True)
class Stored:
    """How many data points a file had, and how many were not in this TOM yet."""

    total: int
    new: int
    ids: Ids = field(default_factory=dict, compare=False)
    """Of what reading the file has left, to be replaced when it is read again."""


def run_upload_hook(product: Any) -> None:
    """Run the TOM's own hook for uploads, if it has one."""
    path = getattr(settings, "HOOKS", {}).get("data_product_post_upload")
    if not path:
        return
    try:
        hook = import_method(path)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(
            f"HOOKS['data_product_post_upload'] is {path!r}, which cannot be imported "
            f"({error}). Correct it in settings.py."
        ) from error
    hook(product)


def read(product: Any) -> Reading:
    """Let the processor of this type of data product read its file.

    Raises ConfigurationError if it cannot be imported, else whatever it raises.
    """
    data_type = product.data_product_type
    before = {kind: _last(kind, product) for kind in DATUM_MODELS}
    processor = _processor_class(data_type)()
    with at_hand(product):
        rows = processor.process_data(product)
        if not hasattr(rows, "__len__"):
            rows = list(rows)
    return Reading(processor.data_type_override() or data_type, rows, before)


def _processor_class(data_type: str) -> Any:
    try:
        path = settings.DATA_PROCESSORS[data_type]
    except Exception:  # noqa: BLE001  (no such setting, or none for this type)
        path = data_processor.DEFAULT_DATA_PROCESSOR_CLASS
    try:
        module, name = path.rsplit(".", 1)
        return getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(
            f"DATA_PROCESSORS[{data_type!r}] is {path!r}, which cannot be imported "
            f"({error}). Correct it in settings.py."
        ) from error


def _of(product: Any, kind: str) -> Any:
    return DATUM_MODELS[kind]._default_manager.filter(data_product=product)


def _last(kind: str, product: Any) -> int:
    return _of(product, kind).aggregate(last=models.Max("pk"))["last"] or 0


def store(
    product: Any,
    reading: Reading,
    *,
    groups: Iterable[int],
    user: Any,
    instead_of: Ids | None = None,
) -> Stored:
    """Store what was read, in place of what reading the file left an earlier time.

    To be called inside a transaction. What else belongs to the product stays, such as
    what the TOM's hook saved, which is not run again.
    """
    _remove(product, instead_of or {})
    kept = {kind: set(_pks(_of(product, kind))) for kind in DATUM_MODELS}
    rows, total = iter(reading.rows), 0
    while some := list(islice(rows, AT_A_TIME)):
        _insert(product, reading.data_type, some)
        total += len(some)
    people = _people(groups, user) if data_has_permissions() else []
    _let_use(people, product)
    new, ids = 0, {}
    for kind, pks in kept.items():
        new += _of(product, kind).count() - len(pks)
        # With what the processor saved by itself: it will do so again.
        of_the_file = _of(product, kind).filter(pk__gt=reading.before.get(kind, 0))
        ids[kind] = _range(of_the_file)
        _hand_on(product, _of(product, kind), pks, people)
    return Stored(total, new, {kind: found for kind, found in ids.items() if found})


def _range(datums: Any) -> list[int]:
    """Return the first and the last id; nothing where there is none."""
    found = datums.aggregate(first=models.Min("pk"), last=models.Max("pk"))
    return [] if found["first"] is None else [found["first"], found["last"]]


def _insert(product: Any, data_type: str, rows: list[Row]) -> None:
    try:
        insert(product, data_type, rows)
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != _PROGRAM_LIMIT:
            raise
        # Not the database's trouble, which passes: these data will never fit.
        raise DataError(
            "a row is longer than its index takes, as a long spectrum is on PostgreSQL"
        ) from error


_PROGRAM_LIMIT = "54000"
"""PostgreSQL's word for what is too large for it."""


def _hand_on(product: Any, datums: Any, kept: set[int], people: list[Any]) -> None:
    """Let people view what is new, and tell continuous sharing of it."""
    # Without one, neither the host's own function nor ours has anything to do.
    shared = PersistentShare.objects.filter(target_id=product.target_id).exists()
    if not people and not shared:
        return
    for some in _slices(datums):
        fresh = [datum for datum in some if datum.pk not in kept]
        _let_view(people, fresh)
        if shared:
            _share(product.target, fresh)


def _pks(datums: Any) -> Any:
    return datums.order_by("pk").values_list("pk", flat=True)


def _slices(datums: Any) -> Iterator[list[Any]]:
    """Yield data points, a bounded number at once, with no more than is asked of them.

    Their other columns are loaded if somebody looks at them.
    """
    datums, last = datums.only("target_id", "data_product_id").order_by("pk"), 0
    while some := list(datums.filter(pk__gt=last)[:AT_A_TIME]):
        yield some
        last = some[-1].pk


def _remove(product: Any, ids: Ids) -> None:
    """Remove what was stored of a product, with the permissions for it."""
    for kind, (first, last) in ids.items():
        old = _of(product, kind).filter(pk__range=(first, last))
        while pks := list(_pks(old)[:AT_A_TIME]):
            if data_has_permissions():
                _forget_permissions(old.model, pks)
            old.filter(pk__in=pks).delete()


def _forget_permissions(model: type[models.Model], pks: list[int]) -> None:
    """Remove the permissions for rows that go: guardian keeps them for ever."""
    for granted in (get_user_obj_perms_model(model), get_group_obj_perms_model(model)):
        if granted.objects.is_generic():
            granted.objects.filter(
                content_type=get_content_type(model),
                object_pk__in=[str(pk) for pk in pks],
            ).delete()


def _people(groups: Iterable[int], user: Any) -> list[Any]:
    """Return who is to see the data: the uploader, and the groups that were chosen."""
    uploader = [user] if user is not None and user.is_authenticated else []
    return [*uploader, *Group.objects.filter(pk__in=list(groups)).order_by("pk")]


def _let_use(people: list[Any], product: Any) -> None:
    for one in people:
        for action in ("view", "delete"):
            assign_perm(f"tom_dataproducts.{action}_dataproduct", one, product)


def _let_view(people: list[Any], datums: list[Any]) -> None:
    for one in people if datums else []:
        meta = datums[0]._meta
        assign_perm(f"{meta.app_label}.view_{meta.model_name}", one, datums)


def _share(target: Any, datums: list[Any]) -> None:
    """Hand new data to continuous sharing, by the name that the host calls it by."""
    if not datums:
        return
    try:
        with transaction.atomic():  # what fails in there leaves ours usable
            data_processor.continuous_share_data(target, datums)
    except Exception:  # data is stored, whatever becomes of sharing it
        logger.exception(
            "New data of %s is not shared.", target, extra=fields(Action.GATHER)
        )
