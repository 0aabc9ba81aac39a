"""When what workers do again and again was last done, and who does it now.

Called by whatever sweeps, and by `prune`. Each change is one conditional UPDATE, as
several workers sweep.
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from tom_share_worker import conf
from tom_share_worker.models import Routine
from tom_share_worker.models.logged import Action, fields

logger = logging.getLogger(__name__)


def swept(begun: float) -> None:
    """Note that a sweep of all rooms, begun at that time of the clock, has ended.

    Where many workers sweep, one note within half an interval says as much as ten.
    """
    took, interval = time.monotonic() - begun, conf.settings().SWEEP_INTERVAL
    logger.log(
        logging.DEBUG if took < interval else logging.WARNING,
        "A sweep took %.2f s; the next one is due %g s after it began.",
        *(took, interval),
        extra=fields(Action.SWEEP, duration=round(took, 3)),
    )
    now = timezone.now()
    lately = now - timedelta(seconds=interval / 2)
    # A time of the future was noted before the clock was set back.
    stale = Q(ended=None) | Q(ended__lt=lately) | Q(ended__gt=now)
    rows = Routine.objects.filter(name=Routine.SWEEP)
    if not rows.filter(stale).update(ended=now) and not rows.exists():
        Routine.objects.get_or_create(name=Routine.SWEEP, defaults={"ended": now})


def take(name: str, every: timedelta, lease: timedelta) -> bool:
    """Take a routine that is due or under way; False where it is not to be had.

    It is due `every` so often since it last began; one that was not finished goes on.
    """
    now = timezone.now()
    due = Q(ended=None) | Q(begun__lt=now - every) | Q(begun__gt=now)
    free = Q(lease_until=None) | Q(lease_until__lt=now) | Q(lease_until__gt=now + lease)
    rows = Routine.objects.filter(name=name)
    if rows.filter(due, free).update(lease_until=now + lease):
        rows.filter(Q(begun=None) | Q(ended__isnull=False)).update(
            begun=now, ended=None
        )
        return True
    if not rows.exists():
        Routine.objects.get_or_create(name=name)  # taken at the next look
    return False


def leave(name: str, *, finished: bool) -> None:
    """Let others have a routine; finished, it is due again in its time."""
    ended = timezone.now() if finished else None
    Routine.objects.filter(name=name).update(lease_until=None, ended=ended)
