"""Tries one delivery: claim, load, send, record, on one screen.

Called by the task with the id that a hint named. All that is known of an attempt is in
its row: written with the claim, completed after the call.
"""

from __future__ import annotations

import logging
import random
from dataclasses import replace
from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F
from django.utils import timezone

from tom_share_worker import conf, leases, presence
from tom_share_worker.delivery import (
    closing,
    destinations,
    dispatch,
    gate,
    memory,
    parcels,
)
from tom_share_worker.delivery.ledger import Fate
from tom_share_worker.delivery.outcomes import (
    Blocked,
    Delivered,
    Halted,
    Interrupted,
    Outcome,
    Received,
    Refused,
    TryAgain,
    storable,
)
from tom_share_worker.delivery.sending import claims, journal, waiting
from tom_share_worker.delivery.sending.claims import Claim
from tom_share_worker.delivery.sending.progress import Progress
from tom_share_worker.exceptions import ConfigurationError
from tom_share_worker.models import Attempt, Delivery, Failure
from tom_share_worker.models.logged import Action, fields
from tom_share_worker.retry import RetryAt

logger = logging.getLogger(__name__)

OUR_FAULT_ATTEMPTS = 4
"""A fault of our own does not heal with time: after so many attempts people must look,
as a full disk or a locked database may have passed by then, a bug will not."""

WITHHELD = "The person who asked for it may no longer view this data point."


def send(delivery_pk: int, worker: str = "", task_id: str = "") -> str:
    """Try a delivery, if it is to be had; say in words what came of it."""
    if presence.stopping.is_set():
        # Its hint is used up: another worker's sweep hints anew.
        Delivery.objects.filter(pk=delivery_pk).update(hinted_at=None)
        return "Nothing done: this worker is about to stop."
    claim = claims.claim(delivery_pk, worker, task_id)
    if claim is None:
        return "Nothing to do: not due, taken by another worker, or no free slot."
    key = claim.delivery.destination
    with leases.kept(Delivery, claim.token):
        progress = Progress(claim)
        outcome = _try(claim.delivery, progress)
        outcome = replace(outcome, note=storable(outcome.note))
        try:
            ended = _record(claim, progress, outcome)
        except (OperationalError, InterfaceError):
            # The connection died during a long upload, or the database was restarted.
            connection.close()
            ended = _record(claim, progress, outcome)
    journal.tell(claim.delivery, claim.attempt, ended, outcome)
    _tell_gate(key, claim.seen_failures, outcome)
    closing.end_followers(Delivery.objects.filter(pk=delivery_pk))
    closing.settle(claim.delivery.share_id)
    dispatch.dispatch(key)
    return _said(outcome)


def _said(outcome: Outcome) -> str:
    """Say what came of it where Celery keeps and logs it: without the note, which may
    name a target to people who may not view it.
    """
    failure = getattr(outcome, "failure", "")
    return f"{type(outcome).__name__}: {failure}" if failure else type(outcome).__name__


def _try(delivery: Delivery, progress: Progress) -> Outcome:
    """Load and send; whatever goes wrong becomes an outcome."""
    try:
        settings = conf.destination(delivery.destination)
        parcel = parcels.load(delivery)
        _withhold(parcel, progress)
        return destinations.open_destination(settings).deliver(parcel, progress)
    except Halted as halted:
        return halted.outcome
    except ConfigurationError as error:
        return Refused(Failure.BAD_CONFIGURATION, str(error))
    except Exception as error:  # a bug of ours must not lose the row
        logger.exception(
            "The delivery %s failed inside this app.",
            delivery.pk,
            extra=fields(Action.ATTEMPT, delivery, failure=Failure.OUR_FAULT),
        )
        note = f"This app failed ({type(error).__name__}); its log tells more."
        if delivery.attempt_count + 1 >= OUR_FAULT_ATTEMPTS:
            return Refused(Failure.OUR_FAULT, note)
        return TryAgain(Failure.OUR_FAULT, note)


def _withhold(parcel: parcels.Parcel, progress: Progress) -> None:
    """Refuse here what the person who asked may no longer view; the rest goes on."""
    for key in getattr(parcel, "withheld", ()):
        progress.settle(key, Fate.REFUSED, WITHHELD)


def _record(claim: Claim, progress: Progress, outcome: Outcome) -> str:
    """Complete the attempt and move the delivery on, both or neither.

    Return how the attempt ended.
    """
    now = timezone.now()
    with transaction.atomic():
        change = {"note": outcome.note} | _change(claim.delivery, outcome)
        moved = claims.ours(claim).update(
            claim="",
            lease_until=None,
            hinted_at=None,
            **progress.columns(),
            **change,
        )
        if not moved:
            # Cancelled meanwhile: what was sent before belongs in the ledger.
            Delivery.objects.filter(pk=claim.delivery.pk, claim=claim.token).update(
                claim="", **progress.columns()
            )
        ended = journal.word(outcome, change) if moved else Attempt.Outcome.CANCELLED
        Attempt.objects.filter(pk=claim.attempt.pk, ended=None).update(
            ended=now,
            outcome=ended,
            failure=getattr(outcome, "failure", ""),
            request=progress.request[:500],
            status_code=progress.status_code,
            answer=progress.answer,
            note=outcome.note if moved else "Cancelled by a person in the middle.",
        )
    return ended


def _change(delivery: Delivery, outcome: Outcome) -> dict[str, Any]:
    """Return the columns that an outcome changes; each kind leads to one change."""
    match outcome:
        case Delivered():
            return _end(Delivery.Status.DELIVERED)
        case Refused(failure=failure, candidates=candidates):
            if candidates and not memory.several(
                delivery, candidates, outcome.instead_of
            ):
                return _go_on("A person has chosen the target meanwhile.")
            return _end(Delivery.Status.FAILED, failure)
        case TryAgain():
            return _try_again(delivery, outcome)
        case Blocked():
            # Waits for the destination to be resumed, and burns no attempt.
            return {
                "status": Delivery.Status.QUEUED,
                "failure": Failure.CREDENTIALS_REFUSED,
                "next_attempt_at": timezone.now(),
            }
        case Received():
            return waiting.change(delivery) or _end(Delivery.Status.DELIVERED) | {
                "note": f"{outcome.note} {waiting.GIVEN_UP}"
            }
        case Interrupted(note=note):
            return _go_on(note)


def _go_on(note: str) -> dict[str, Any]:
    """Let it have its place in the queue again: it is no later than it was."""
    return {"status": Delivery.Status.QUEUED, "note": note}


def _end(status: str, failure: str = "") -> dict[str, Any]:
    return {
        "status": status,
        "failure": failure,
        "attempt_count": F("attempt_count") + 1,
        "ended": timezone.now(),
    }


def _try_again(delivery: Delivery, outcome: TryAgain) -> dict[str, Any]:
    now = timezone.now()
    decision = gate.schedule().decide(
        delivery.attempt_count + 1,
        now,
        random.random(),  # noqa: S311  (spreads retries; nothing secret)
        outcome.retry_after,
    )
    if isinstance(decision, RetryAt):
        return {
            "status": Delivery.Status.QUEUED,
            "failure": outcome.failure,
            "attempt_count": F("attempt_count") + 1,
            "next_attempt_at": decision.time,
        }
    return _end(Delivery.Status.FAILED, outcome.failure)


def _tell_gate(key: str, seen_failures: int, outcome: Outcome) -> None:
    """Let the destination's state follow from what we met there."""
    match outcome:
        case Blocked(note=note):
            gate.pause(key, note)
        case TryAgain(destination_wide=True, note=note, retry_after=retry_after):
            gate.found_down(key, seen_failures, note, retry_after)
        case Delivered() | Received():
            gate.found_up(key, seen_failures)
        case Refused(failure=failure) if failure in _TELL_OF_LIFE:
            gate.found_up(key, seen_failures)


_TELL_OF_LIFE = {
    Failure.PERMISSION_MISSING,
    Failure.NO_MATCHING_TARGET,
    Failure.AMBIGUOUS_TARGET,
    Failure.REFUSED_DATA,
}
"""Failures that a working TOM answered with, so that it counts as up."""
