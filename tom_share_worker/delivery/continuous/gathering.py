"""Gathers saved data points into shares, one for each persistent share and burst.

Called every second by `share_worker`, by the sweep, and by Celery beat. Any number of
processes may do so at once: rows and the share made of them change in one transaction,
and who does not delete exactly the rows that were read makes no share.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Subquery
from django.utils import timezone

from tom_share_worker import conf, toolkit
from tom_share_worker.delivery import gate
from tom_share_worker.delivery.asking import outbox
from tom_share_worker.delivery.continuous import echo, persistent
from tom_share_worker.delivery.ledger import Key
from tom_share_worker.models import Delivery, PersistentShareTerms, SavedDatum, Share
from tom_share_worker.models.logged import Action, fields

logger = logging.getLogger(__name__)

QUIET = timedelta(seconds=2)
"""A burst counts as over when nothing was saved for so long. Shorter: a slow loop of
`save()` makes many shares; longer: each data point waits longer."""

PATIENCE = timedelta(seconds=10)
"""Data is gathered after so long even where saving does not pause."""

LIMIT = 10_000
"""Data points in one share: its row names each, and must stay of a size to handle."""

SLICE = 1000
"""Ids named in one query: databases bound them."""


@dataclass(frozen=True)
class Waiting:
    """A row that was read, to be deleted with the share that is made of it."""

    pk: int
    key: Key
    saved: datetime


class _TakenByAnother(Exception):  # noqa: N818  (ends a transaction, is no error)
    """Another process gathers these rows."""


def gather() -> int:
    """Make shares of what was saved and is ripe; return how many."""
    return sum(_gather_safely(row) for row in _ripe(timezone.now()))


def drop_orphans() -> None:
    """Drop what was noted while its persistent share was deleted.

    For the sweep, as it looks at all that waits.
    """
    known = toolkit.PersistentShare.objects.filter(pk=OuterRef("persistent_share_id"))
    SavedDatum.objects.filter(~Exists(known)).delete()


def _ripe(now: datetime) -> Iterator[Any]:
    """Yield the persistent shares whose saved data is to be gathered now.

    Not those that are paused, nor those whose last share is not planned yet: what was
    saved since goes into the next one.
    """
    waiting = SavedDatum.objects.filter(persistent_share=OuterRef("pk")).values("saved")
    paused = PersistentShareTerms.objects.filter(paused=True)
    unplanned = Share.objects.filter(persistent_share=OuterRef("pk"), planned=False)
    found = (
        toolkit.PersistentShare.objects.filter(
            Exists(waiting), ~Exists(unplanned.exclude(status__in=Share.ENDED))
        )
        .exclude(pk__in=paused.values("persistent_share"))
        .annotate(
            oldest=Subquery(waiting.order_by("pk")[:1]),
            newest=Subquery(waiting.order_by("-pk")[:1]),
        )
        .select_related("user", "target")
    )
    for row in found:
        # A clock that was set back leaves times of the future; they count as ripe.
        quiet = abs(now - row.newest) >= QUIET
        if quiet or abs(now - row.oldest) >= PATIENCE:
            yield row


def _gather_safely(persistent_share: Any) -> bool:
    """Gather for one persistent share; its trouble must not hold up the others."""
    try:
        if _is_held_up(persistent_share) or persistent.trouble(persistent_share):
            return False
        return _gather(persistent_share)
    except _TakenByAnother:
        return False
    except Exception:  # it is tried again in a second
        logger.exception(
            "Data of %s could not be gathered.",
            persistent_share,
            extra=fields(Action.GATHER, persistent_share=persistent_share.pk),
        )
        return False


def _is_held_up(persistent_share: Any) -> bool:
    """True while data would go before its target, or to a destination that is away.

    Data saved while one share waits for a destination stays here and makes one share
    when it is back, instead of one for each minute that it was away.
    """
    here = conf.key_of(persistent_share.destination)
    on_its_way = Delivery.objects.filter(
        share__persistent_share=persistent_share,
        destination=here,
        kind=Delivery.Kind.TARGET,
        status__in=[Delivery.Status.QUEUED, Delivery.Status.SENDING],
    )
    if on_its_way.exists():
        return True
    state = gate.state(here)
    if gate.is_open(state, timezone.now()) and not state.failures:
        return False
    waits = Share.objects.filter(persistent_share=persistent_share, destination=here)
    return waits.exclude(status__in=Share.ENDED).exists()


def _gather(persistent_share: Any) -> bool:
    """Turn what is saved by now into a share; False where nothing is to be shared.

    1. Read the rows and choose what is to go, outside of any transaction.
    2. Delete exactly these rows, by their ids: others may be committed meanwhile, with
       lower ids, too.
    3. Make the share, or none, in the same transaction.
    """
    rows = _read(persistent_share)
    terms = persistent.terms(persistent_share)
    chosen = _without_echo(persistent_share, _within(terms, rows))
    with transaction.atomic():
        for some in _slices([row.pk for row in rows]):
            deleted, _ = SavedDatum.objects.filter(pk__in=some).delete()
            if deleted != len(some):
                raise _TakenByAnother
        if not chosen:
            return False
        outbox.share_selected(
            persistent_share.user,
            persistent_share.destination,
            chosen,
            target=persistent_share.target,
            title=persistent.title(persistent_share.target),
            origin=Share.Origin.PERSISTENT_SHARE,
            persistent_share=persistent_share,
        )
    return True


def _read(persistent_share: Any) -> list[Waiting]:
    found = SavedDatum.objects.filter(persistent_share=persistent_share).order_by("pk")
    columns = found.values_list("pk", "kind", "datum_pk", "saved")[:LIMIT]
    return [Waiting(pk, Key(kind, datum), saved) for pk, kind, datum, saved in columns]


def _within(terms: PersistentShareTerms, rows: list[Waiting]) -> set[Key]:
    """Return the data points that the terms allow; each once, however often saved."""
    return {
        row.key
        for row in rows
        if (not terms.kinds or row.key.kind in terms.kinds)
        and (terms.until is None or row.saved <= terms.until)
    }


def _without_echo(persistent_share: Any, keys: set[Key]) -> dict[str, list[int]]:
    """Sort by kind what is still there and did not come from the destination."""
    destination = conf.destination(conf.key_of(persistent_share.destination))
    chosen: dict[str, list[int]] = {}
    for kind, model in toolkit.DATUM_MODELS.items():
        pks = sorted(key.pk for key in keys if key.kind == kind)
        for some in _slices(pks):
            found = model._default_manager.filter(
                pk__in=some, target_id=persistent_share.target_id
            )
            sources = found.values_list("pk", "source_name", "source_location")
            chosen.setdefault(kind, []).extend(
                pk
                for pk, name, location in sources
                if not echo.came_from(destination, name, location)
            )
    return {kind: pks for kind, pks in chosen.items() if pks}


def _slices(pks: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(pks), SLICE):
        yield pks[start : start + SLICE]
