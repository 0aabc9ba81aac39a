"""The Idempotency-Key of a batch: what is repeated is answered, and not done again.

Used by `datums`. A row is written, and committed, before a batch is stored; the answer
gets into it in the transaction that stores the batch, on condition that the row still
has the token of the request. So an answer is there exactly if the data is. Keys belong
to an account.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.request import Request

from tom_share_worker.ingest.peers import outcomes
from tom_share_worker.ingest.peers.outcomes import Outcome
from tom_share_worker.ingest.problems import KEY_REUSED, MALFORMED, RUNNING, Problem
from tom_share_worker.models import ReceivedBatch

TAKEN_OVER = timedelta(seconds=20)
"""After this a batch without an answer is taken to be that of a killed process."""

_KEY = re.compile(r"[!-~](?:[ -~]{0,198}[!-~])?")


class Claim(NamedTuple):
    """The right of one request to store a batch."""

    pk: int
    token: str


def key_of(request: Request) -> str:
    """Return the key that the sender gave to the batch."""
    key = str(request.headers.get("Idempotency-Key", "")).strip()
    if not _KEY.fullmatch(key):
        raise Problem(
            MALFORMED,
            "Send a header Idempotency-Key of 1 to 200 printable ASCII characters: a "
            "new one with each batch, the same one to repeat a batch.",
        )
    return key


def begin(user: Any, key: str, digest: str) -> Claim | list[Outcome]:
    """Return the right to store a batch, or what became of it when it was stored."""
    token = uuid.uuid4().hex
    try:
        with transaction.atomic():
            row = ReceivedBatch.objects.create(
                user=user, key=key, digest=digest, token=token, begun=timezone.now()
            )
        return Claim(row.pk, token)
    except IntegrityError:
        held = ReceivedBatch.objects.filter(user=user, key=key).first()
        if held is None:  # it was given up at this moment
            raise _running(1) from None
    if held.digest != digest:
        raise Problem(
            KEY_REUSED,
            "This Idempotency-Key came with another batch before. Send a new key with "
            "each new batch, and the same key only to repeat one.",
        )
    if held.answer is not None:
        return outcomes.unpacked(held.answer)
    return _taken_over(held, token)


def _taken_over(held: ReceivedBatch, token: str) -> Claim:
    """Take a batch from the process that had it, if that must be dead by now."""
    now = timezone.now()
    left = held.begun + TAKEN_OVER - now
    if left > timedelta():
        raise _running(max(1, round(left.total_seconds())))
    mine = _held(Claim(held.pk, held.token)).update(token=token, begun=now)
    if not mine:
        raise _running(1)
    return Claim(held.pk, token)


def _running(seconds: int) -> Problem:
    return Problem(
        RUNNING,
        "This batch is being stored by an earlier request. Ask again a little later.",
        {"Retry-After": str(seconds)},
    )


def _held(claim: Claim) -> QuerySet[ReceivedBatch]:
    """Return the row of a claim, as long as nobody else has it or has answered."""
    return ReceivedBatch.objects.filter(
        pk=claim.pk, token=claim.token, answer__isnull=True
    )


@contextmanager
def storing(claim: Claim) -> Iterator[None]:
    """Run a block in the transaction that stores a batch; if it fails, give way.

    The claim is renewed first: that writes, so that SQLite lets nobody else write from
    here on, and what is read in the block stays true.
    """
    try:
        with transaction.atomic():
            if not _held(claim).update(begun=timezone.now()):
                raise _running(1)
            yield
    except BaseException:
        _held(claim).delete()
        raise


def complete(claim: Claim, found: list[Outcome]) -> None:
    """Keep the answer, at the end of the transaction that stored the batch."""
    if not _held(claim).update(answer=outcomes.packed(found)):
        # Another request has taken it over: what this one stored must not be.
        raise _running(1)
