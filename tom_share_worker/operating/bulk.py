"""Bulk actions: one verb for all rows that match a filter, in the background.

Asked for by the admin, the REST API and the command; a worker goes through the rows in
slices. A slice and how far the action has come are written in one transaction, so that
one whose worker is killed goes on where it was, and no row is done twice.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F, Max, Q
from django.utils import timezone

from tom_share_worker import hints, leases, presence
from tom_share_worker.models import BulkAction
from tom_share_worker.models.logged import Action, fields, seconds
from tom_share_worker.operating import audit, matching, verbs, wording
from tom_share_worker.operating.vocabulary import WrongFilter, cleaned

logger = logging.getLogger(__name__)

Status = BulkAction.Status

GIVE_UP_AFTER = timedelta(hours=1)
"""An action that fails for so long has failed: what passes by itself has passed."""


class _Gone(Exception):  # noqa: N818  (it was cancelled, or another worker has it)
    """This worker has the action no longer."""


def ask(
    user: Any, verb: str, rows: str, filters: Mapping[str, Any], described: str = ""
) -> BulkAction:
    """Write down what is to be done with which rows, and tell a worker.

    Later rows are left alone, whatever matches by then; so is what this person may not
    see or act on. Raises WrongFilter for filters and verbs that do not fit the rows.
    """
    if (verb, rows) not in verbs.SLICES:
        raise WrongFilter("verb", f"{verb.capitalize()} is nothing for {rows}.")
    kept = cleaned(rows, filters)
    found = matching.matches(rows, kept, user).order_by()
    action = BulkAction.objects.create(
        verb=verb,
        rows=rows,
        filters=kept,
        described=(described or wording.described(rows, kept))[:500],
        last_pk=found.model.objects.aggregate(n=Max("pk"))["n"] or 0,
        asked_by=user,
        total=found.count(),
    )
    audit.record(user, [action], f"Asked for: {wording.counted(action.total, rows)}.")
    transaction.on_commit(partial(hints.bulk, action.pk), robust=True)
    return action


def cancel(action: BulkAction, by: Any = None) -> bool:
    """Go through no more rows; False if it has ended. What was done stays done."""
    going = BulkAction.objects.filter(pk=action.pk).exclude(status__in=BulkAction.ENDED)
    ended = going.update(
        status=Status.CANCELLED,
        ended=timezone.now(),
        claim="",
        lease_until=None,
        note="Cancelled by a person; what was done until then stays done.",
    )
    if ended:
        audit.record(by, [action], "Cancelled.")
    return bool(ended)


def run(action_pk: int, task_id: str = "") -> str:
    """Go through the rows of a bulk action; say in words what came of it."""
    if presence.stopping.is_set():
        return "Nothing done: this worker is about to stop."
    action = _claim(action_pk, task_id)
    if action is None:
        return "Nothing to do: it has ended, or another worker has it."
    try:
        while _slice(action):
            if presence.stopping.is_set():
                _hand_back(action)
                return "Handed back: this worker is about to stop."
        return _end(action)
    except _Gone:
        return "It was cancelled, or another worker went on with it."
    except Exception as error:
        logger.exception(
            "The bulk action %s failed; it is tried again.",
            action.pk,
            extra=fields(Action.BULK, action),
        )
        _tell(action, error)
        raise


def _claim(action_pk: int, task_id: str) -> BulkAction | None:
    now = timezone.now()
    token = uuid.uuid4().hex
    taken = (
        BulkAction.objects.filter(
            Q(lease_until=None) | Q(lease_until__lt=now), pk=action_pk
        )
        .exclude(status__in=BulkAction.ENDED)
        .update(
            status=Status.RUNNING,
            claim=token,
            lease_until=leases.end(now),
            task_id=task_id,
        )
    )
    if taken != 1:
        return None
    BulkAction.objects.filter(pk=action_pk, started=None).update(started=now)
    return BulkAction.objects.get(pk=action_pk)


def _ours(action: BulkAction) -> Any:
    return BulkAction.objects.filter(
        pk=action.pk, claim=action.claim, status=Status.RUNNING
    )


def _slice(action: BulkAction) -> bool:
    """Do the next rows; False where there are no more.

    The claim is renewed by each slice and not by a thread, which would wait for the row
    that is locked here. First the row, as SQLite must begin with what it writes.
    """
    # Django remembers what a person may do; what was withdrawn holds from now on.
    action.refresh_from_db(fields=["asked_by"])
    found = matching.matches(action.rows, action.filters, action.asked_by)
    doing = verbs.SLICES[action.verb, action.rows]
    rows = found.filter(doing.fits, pk__gt=action.cursor, pk__lte=action.last_pk)
    pks = doing.first(rows)
    if not pks:
        return False
    with transaction.atomic():
        columns: dict[str, Any] = {"cursor": pks[-1], "failing_since": None, "note": ""}
        _write(action, **columns)
        done = doing.act(pks, action.asked_by)
        _write(action, done_count=F("done_count") + done)
    action.cursor = pks[-1]
    return True


def _write(action: BulkAction, **columns: Any) -> None:
    """Write to the row and renew the claim, if it still is ours."""
    until = leases.end(timezone.now())
    if not _ours(action).update(lease_until=until, **columns):
        raise _Gone


def _hand_back(action: BulkAction) -> None:
    _ours(action).update(claim="", lease_until=None)


def _end(action: BulkAction) -> str:
    """Close it. What matched and did not fit when its turn came was left alone."""
    action.refresh_from_db(fields=["done_count", "total"])
    left = max(0, action.total - action.done_count)
    status, note = Status.DONE, wording.outcome(action, left)
    if action.asked_by is None or not action.asked_by.is_active:
        status = Status.FAILED
        note = (
            "The person who asked for it has no account here any more, or a closed "
            "one; ask for it anew."
        )
    _ours(action).update(
        status=status,
        ended=timezone.now(),
        claim="",
        lease_until=None,
        left_count=left,
        note=note,
    )
    logger.info(
        "Bulk action %s: %s, %s of %s rows changed.",
        *(action.pk, status, action.done_count, action.total),
        extra=fields(
            *(Action.BULK, action),
            outcome=status,
            count=action.done_count,
            duration=seconds(action.started),
        ),
    )
    return note


def _tell(action: BulkAction, error: Exception) -> None:
    """Say that it fails and let the sweep ask again; end it if it fails for long."""
    now = timezone.now()
    note = (
        f"This app failed to go on ({type(error).__name__}) and tries again; the "
        f"worker's log tells more."
    )
    ours = _ours(action)
    ours.filter(failing_since=None).update(failing_since=now)
    ours.filter(failing_since__lt=now - GIVE_UP_AFTER).update(
        status=Status.FAILED,
        ended=now,
        claim="",
        lease_until=None,
        note=f"This app failed again and again ({type(error).__name__}); ask for it "
        f"anew when the cause, which the worker's log tells, is mended.",
    )
    ours.update(claim="", lease_until=None, note=note)


def hint_waiting() -> None:
    """Ask for what no worker has: hints that were lost, workers that were lost."""
    waiting = BulkAction.objects.filter(
        Q(lease_until=None) | Q(lease_until__lt=timezone.now())
    ).exclude(status__in=BulkAction.ENDED)
    for pk in waiting.order_by("pk").values_list("pk", flat=True):
        hints.bulk(pk)
