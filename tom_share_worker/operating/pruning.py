"""Pruning by itself: a second of it in a sweep, begun anew each hour.

Called by the sweep. One worker at a time; what a second does not suffice for goes on
in the next sweep, maybe of another worker.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from tom_share_worker import conf
from tom_share_worker.models import Routine
from tom_share_worker.models.logged import Action, fields
from tom_share_worker.operating import prune, routines

logger = logging.getLogger(__name__)

EVERY = timedelta(hours=1)
"""Between two looks for what was kept long enough. Each reads the tables once."""

SECONDS = 1.0
"""How long a sweep may prune, as all else of it waits meanwhile."""

LEASE = timedelta(minutes=2)
"""After so long a worker that was killed in the middle is given up."""


def tend() -> None:
    """Prune for a second, if it is time; a failure must not spoil the sweep.

    After one nobody tries again until the lease has lapsed.
    """
    if not routines.take(Routine.PRUNING, EVERY, LEASE):
        return
    try:
        retention = conf.settings().RETENTION
        terms = None if retention is None else prune.Terms.of(retention)
        gone, finished = prune.run(terms, SECONDS)
    except Exception:  # whatever it is, e-mail is sent and bulk actions go on
        logger.exception(
            "Old rows could not be deleted; it will be tried again.",
            extra=fields(Action.PRUNE),
        )
        return
    routines.leave(Routine.PRUNING, finished=finished)
    if gone:
        logger.info(
            "Kept long enough and deleted: %s.",
            prune.told(gone),
            extra=fields(Action.PRUNE, count=gone.total()),
        )
