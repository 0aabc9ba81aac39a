"""The one gate through which every delivery goes: is it due, did its target arrive,
is the destination open, is a slot free? Then a worker gets a hint.

Called when a share was planned, when a delivery ended, when a person retries, and by
the sweep. It decides by rows alone, so calling it too often does no harm.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from tom_share_worker import conf, hints
from tom_share_worker.delivery import gate
from tom_share_worker.exceptions import ConfigurationError
from tom_share_worker.models import Delivery

HINT_LIFETIME = timedelta(seconds=8)
"""After so long without a claim a hint counts as lost. Shorter than the sweep's
interval, so that the next sweep repeats it; longer than a worker needs to react."""


def due(now: datetime) -> QuerySet[Delivery]:
    """Return the deliveries that may be attempted now, as far as they are concerned."""
    return Delivery.objects.filter(
        Q(after=None) | Q(after__status=Delivery.Status.DELIVERED),
        status=Delivery.Status.QUEUED,
        next_attempt_at__lte=now,
    )


def dispatch(destination: str) -> int:
    """Hint at as many due deliveries as have a free slot there; return how many."""
    now = timezone.now()
    state = gate.state(destination)
    if not gate.is_open(state, now):
        return 0
    heard = (now - HINT_LIFETIME, now + HINT_LIFETIME)
    # A clock that was set back leaves hints of the future; they count as lost, too.
    unheard = Q(hinted_at=None) | ~Q(hinted_at__range=heard)
    here = Delivery.objects.filter(destination=destination)
    busy = here.filter(status=Delivery.Status.SENDING).count()
    # Only hints of the last seconds, found by index however long the queue is.
    busy += here.filter(hinted_at__range=heard, status=Delivery.Status.QUEUED).count()
    free = gate.slots(state, now) - busy
    if free <= 0:
        return 0
    waiting = due(now).filter(unheard, destination=destination)
    hinted = 0
    for pk in waiting.order_by(*_order(destination)).values_list("pk", flat=True)[
        :free
    ]:
        # Nothing updated: another process has hinted at this row meanwhile.
        if Delivery.objects.filter(unheard, pk=pk).update(hinted_at=now) == 1:
            hints.send(pk)
            hinted += 1
    return hinted


def _order(destination: str) -> tuple[str, ...]:
    """Say what goes first: what waited longest, or what was asked for last."""
    try:
        newest_first = conf.destination(destination).newest_first
    except ConfigurationError:
        newest_first = False
    return ("-share_id" if newest_first else "next_attempt_at", "pk")


def dispatch_followed() -> int:
    """Dispatch where a file that was received is to be looked at again.

    The other TOM needs moments to process it; the sweep would take ten seconds.
    """
    followed = due(timezone.now()).filter(receipt__gt="")
    keys = followed.order_by().values_list("destination", flat=True).distinct()
    return sum(dispatch(key) for key in keys)


def dispatch_all() -> int:
    """Dispatch for every destination that has something due."""
    keys = due(timezone.now()).order_by().values_list("destination", flat=True)
    return sum(dispatch(key) for key in keys.distinct())
