"""When what workers do again and again was last done, and who does it now.

Called by whatever sweeps, and by `prune`. Each change is one conditional UPDATE, as
several workers sweep.
"""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from tom_share_worker import conf
from tom_share_worker.models import Routine


def swept() -> None:
    """Note that a sweep of all rooms has come to its end.

    Where many workers sweep, one note within half an interval says as much as ten.
    """
    now = timezone.now()
    lately = now - timedelta(seconds=conf.settings().SWEEP_INTERVAL / 2)
    # A time of the future was noted before the clock was set back.
    stale = Q(ended=None) | Q(ended__lt=lately) | Q(ended__gt=now)
    rows = Routine.objects.filter(name=Routine.SWEEP)
    if not rows.filter(stale).update(ended=now) and not rows.exists():
        Routine.objects.get_or_create(name=Routine.SWEEP, defaults={"ended": now})
