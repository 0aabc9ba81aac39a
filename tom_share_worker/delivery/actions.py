"""The verbs of people: retry, cancel, choose, pause and resume.

Called by the pages and the admin. Each respects the legal states: what is under way or
delivered is not retried, what has ended is not cancelled.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from tom_share_worker import hints
from tom_share_worker.delivery import closing, dispatch, gate, memory, visibility
from tom_share_worker.delivery.ledger import Ledger
from tom_share_worker.delivery.planning import rights
from tom_share_worker.models import (
    Delivery,
    Destination,
    Failure,
    RemoteTarget,
    Share,
)
from tom_share_worker.models.retrying import RETRYABLE

WAITING = Q(status=Delivery.Status.QUEUED)
"""What waits for its time, and may be asked to go at once."""

LEDGERS = 50
"""Ledgers in memory at a time; one may have thousands of data points."""


def retry(deliveries: QuerySet[Delivery]) -> int:
    """Send again what failed and send at once what waits; return how many.

    The destinations are opened for it, unless a person paused them: who presses Retry
    says that the cause is mended.
    """
    chosen = deliveries.filter(RETRYABLE | WAITING).order_by()
    shares = set(chosen.values_list("share_id", flat=True).distinct())
    destinations = set(chosen.values_list("destination", flat=True).distinct())
    # Destinations before deliveries, as claims lock them: else a deadlock where the
    # whole request is one transaction.
    opened = [key for key in sorted(destinations) if _reopen(key)]
    count = _requeue(deliveries)
    # The shares after their deliveries: opened first, the sweep might close them again.
    # Not one that ended before all of it was planned: opened, it would be planned to
    # its end and sent, and these deliveries alone were asked for.
    Share.objects.filter(pk__in=shares, status__in=Share.ENDED, planned=True).update(
        status=Share.Status.RUNNING, ended=None
    )
    for key in opened:
        transaction.on_commit(partial(dispatch.dispatch, key), robust=True)
    return count


def _requeue(deliveries: QuerySet[Delivery]) -> int:
    """Put rows back to the start of their schedule; return how many.

    Only those with refused data points are touched one by one, for their ledgers.
    """
    fresh: dict[str, Any] = {
        "status": Delivery.Status.QUEUED,
        "next_attempt_at": timezone.now(),
        "hinted_at": None,
        "attempt_count": 0,
        "lost_count": 0,
        "failure": "",
        "note": "",
        "ended": None,
    }
    deliveries = Delivery.objects.filter(pk__in=deliveries.order_by().values("pk"))
    refused = deliveries.filter(RETRYABLE, refused_count__gt=0).order_by()
    with_refused = list(refused.values_list("pk", flat=True))
    count = deliveries.filter(WAITING).update(**fresh)
    count += deliveries.filter(RETRYABLE, refused_count=0).update(**fresh)
    for start in range(0, len(with_refused), LEDGERS):
        some = with_refused[start : start + LEDGERS]
        for row in Delivery.objects.filter(pk__in=some):
            ledger = Ledger(row.ledger)
            ledger.reopen_refused()
            count += Delivery.objects.filter(RETRYABLE, pk=row.pk).update(
                ledger=ledger.rows(), **ledger.counts(), **fresh
            )
    return count


def _reopen(destination: str) -> bool:
    """Lift a back-off or a pause of our own making; False if a person paused it."""
    by_a_person = Destination.objects.filter(
        key=destination, paused=True, paused_by_person=True
    )
    if by_a_person.exists():
        return False
    gate.resume(destination)
    return True


def waiting_for_choice(known: RemoteTarget) -> QuerySet[Delivery]:
    """Return what was not sent because several targets there match: of any share."""
    return Delivery.objects.filter(
        destination=known.destination,
        target_id=known.target_id,
        status=Delivery.Status.FAILED,
        failure=Failure.AMBIGUOUS_TARGET,
    ).exclude(share__status=Share.Status.CANCELLED)


def choose(seen: RemoteTarget, remote_id: str, by: Any) -> int | None:
    """Take one of the candidates for our target, and send all that waited for it.

    Return how many deliveries go now; None if it is no candidate, or if somebody else
    chose since the row was read.
    """
    if remote_id not in {one["id"] for one in seen.candidates}:
        return None
    if not memory.choose(seen, remote_id, by):
        return None
    count = retry(waiting_for_choice(seen))
    # Again after the commit, for what a worker found ambiguous while we chose.
    transaction.on_commit(partial(retry, waiting_for_choice(seen)), robust=True)
    return count


def pause(destination: str, by: Any, reason: str = "") -> bool:
    """Let nothing go to a destination until somebody resumes it; pages show why."""
    note = reason.strip() or f"Paused by {by.get_username()}."
    return gate.pause(destination, note, by)


def resume(destination: str) -> None:
    """Let deliveries go to a destination again, at once."""
    gate.resume(destination)
    transaction.on_commit(partial(dispatch.dispatch, destination), robust=True)


def retry_share(share: Share) -> int:
    """Retry all of a share that did not arrive; return how many deliveries.

    One that was cancelled while it was planned is planned to its end; one that came to
    nothing is planned anew, as there may be something by now.
    """
    unplanned: dict[str, Any] = {"planned": False}
    if share.planned and not share.deliveries.exists():
        unplanned |= {"plan_step": 0, "plan_cursor": None}
    elif share.planned:
        return retry(share.deliveries.all())
    count = retry(share.deliveries.all())
    # Not where its planner came to the end since it was read: it would plan twice.
    reopened = Share.objects.filter(pk=share.pk, planned=share.planned).update(
        status=Share.Status.QUEUED, ended=None, note="", **unplanned
    )
    _reopen(share.destination)
    transaction.on_commit(partial(hints.plan, share.pk), robust=True)
    return count or reopened


def retry_shares(pks: Collection[int], user: Any) -> int:
    """Retry many shares as `retry_share` does; return how many of them go on.

    As far as this person may: the deliveries that they see, and the planning of what
    they may have planned.
    """
    within = visibility.visible_deliveries(user).filter(share_id__in=pks)
    again = set(
        within.filter(RETRYABLE | WAITING).order_by().values_list("share_id", flat=True)
    )
    unplanned, from_the_start = _to_be_planned(pks, user)
    anew = unplanned | from_the_start
    shares = Share.objects.filter(pk__in=anew, status__in=Share.ENDED).order_by()
    for key in sorted(set(shares.values_list("destination", flat=True))):
        _reopen(key)
    retry(within)
    fresh = {"status": Share.Status.QUEUED, "ended": None, "note": ""}
    shares.filter(pk__in=unplanned, planned=False).update(**fresh)
    shares.filter(pk__in=from_the_start, planned=True).update(
        **fresh, planned=False, plan_step=0, plan_cursor=None
    )
    for pk in sorted(anew):
        transaction.on_commit(partial(hints.plan, pk), robust=True)
    return len(again | anew)


def _to_be_planned(pks: Collection[int], user: Any) -> tuple[set[int], set[int]]:
    """Return what a person has planned to its end, and what anew, by a Retry."""
    ended = Share.objects.filter(pk__in=pks, status__in=Share.ENDED).order_by()
    anything = Delivery.objects.filter(share=OuterRef("pk"))
    empty = ended.filter(~Exists(anything), planned=True)
    unplanned = set(ended.filter(planned=False).values_list("pk", flat=True))
    from_the_start = set(empty.values_list("pk", flat=True))
    may = rights.plannable(user, unplanned | from_the_start)
    return unplanned & may, from_the_start & may


def cancel(deliveries: QuerySet[Delivery]) -> int:
    """Send no more of these; return how many. What has arrived stays there.

    A worker in the middle of one notices at its next data point, and writes what it
    had sent into the ledger.
    """
    shares = set(deliveries.values_list("share_id", flat=True))
    count = deliveries.filter(status__in=closing.UNDER_WAY).update(
        status=Delivery.Status.CANCELLED,
        ended=timezone.now(),
        note="Cancelled by a person.",
    )
    closing.end_followers(Delivery.objects.filter(share_id__in=shares))
    closing.settle_many(shares)
    return count


def cancel_share(share: Share) -> int:
    """Cancel all of a share that has not arrived; return how many deliveries."""
    # First the share: once it has ended, its planner writes no more deliveries.
    Share.objects.filter(pk=share.pk, planned=False).exclude(
        status__in=Share.ENDED
    ).update(status=Share.Status.CANCELLED, ended=timezone.now())
    return cancel(share.deliveries.all())


def cancel_shares(pks: Collection[int], user: Any) -> int:
    """Cancel many shares as `cancel_share` does; return of how many anything was.

    As far as this person may: what they do not see goes on, and so does the planning
    of what they may not have planned.
    """
    going = Share.objects.filter(pk__in=pks).exclude(status__in=Share.ENDED)
    unplanned = going.filter(planned=False).values_list("pk", flat=True)
    stopped = rights.plannable(user, set(unplanned))
    others = set(going.values_list("pk", flat=True)) - stopped
    going.filter(pk__in=stopped, planned=False).update(
        status=Share.Status.CANCELLED, ended=timezone.now()
    )
    # All of them, as nothing would close a share that reads cancelled while a part of
    # it waits to be sent: who asked for it may not view that part any more.
    cancel(Delivery.objects.filter(share_id__in=stopped))
    seen = visibility.visible_deliveries(user).filter(share_id__in=others).order_by()
    under_way = seen.filter(status__in=closing.UNDER_WAY)
    touched = set(under_way.values_list("share_id", flat=True).distinct())
    cancel(seen)
    ended = Share.objects.filter(pk__in=others, status__in=Share.ENDED)
    return len(stopped | touched | set(ended.values_list("pk", flat=True)))
