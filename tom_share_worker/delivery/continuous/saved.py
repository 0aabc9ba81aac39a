"""Notes what was saved for a target with a persistent share: one row, and no more.

Called inside whatever saves data: the signal of each save, and the host's function for
data that was created in bulk. Never raises, talks to neither broker nor other TOMs, and
a target without a persistent share costs one query. `continuous` gathers the rows.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from django.db import transaction

from tom_share_worker import toolkit
from tom_share_worker.models import SavedDatum
from tom_share_worker.models.logged import Action, fields
from tom_share_worker.toolkit import hooks

logger = logging.getLogger(__name__)

ROWS_AT_A_TIME = 500
"""Rows written in one statement: databases bound its values."""


def on_save(instance: Any, raw: bool = False, **_: Any) -> None:
    """Note a data point that was created or changed; the receiver of `post_save`.

    What `loaddata` brings back (raw) is not new, and is not shared again.
    """
    if raw:
        return
    try:
        kind = hooks.kind_of(instance)
        if kind and (shares := _persistent_shares(instance.target_id)):
            _write(shares, kind, [instance.pk])
    except Exception:  # saving data never fails because sharing does
        logger.exception(
            "A saved data point was not noted, so it is not shared.",
            extra=fields(Action.GATHER),
        )


def share(target: Any, reduced_datums: Iterable[Any]) -> None:
    """Note data points created in bulk; stands in for the host's function of that use.

    Called by the host's `run_data_processor` and by a TOM's own code.
    """
    try:
        for target_pk, kind, datums in _sorted(reduced_datums):
            if shares := _persistent_shares(target_pk):
                pks = hooks.stored_pks(kind, datums)
                _write(shares, kind, sorted(set(pks)))
    except Exception:  # as above
        logger.exception(
            "New data of %s was not noted, so it is not shared.",
            target,
            extra=fields(Action.GATHER),
        )


def _persistent_shares(target_pk: int) -> list[int]:
    found = toolkit.PersistentShare.objects.filter(target_id=target_pk).order_by()
    return list(found.values_list("pk", flat=True))


def _sorted(datums: Iterable[Any]) -> Iterable[tuple[int, str, list[Any]]]:
    """Sort data points by target and kind."""
    found: dict[tuple[int, str], list[Any]] = {}
    for datum in datums:
        kind = hooks.kind_of(datum)
        if kind:
            found.setdefault((datum.target_id, kind), []).append(datum)
    return [(target_pk, kind, some) for (target_pk, kind), some in found.items()]


def _write(shares: list[int], kind: str, pks: list[int]) -> None:
    rows = [
        SavedDatum(persistent_share_id=share, kind=kind, datum_pk=pk)
        for share in shares
        for pk in pks
    ]
    # A savepoint: what fails here must leave the transaction of the data usable.
    with transaction.atomic():
        SavedDatum.objects.bulk_create(rows, batch_size=ROWS_AT_A_TIME)
