"""POST /api/tom-share/datums/: a batch of data points of one target, stored at once.

Each gets its own outcome; a batch that is repeated under its key gets its first answer.
docs/protocol.md describes it for those who write the other side.
"""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

from django.db import IntegrityError
from rest_framework.request import Request
from rest_framework.response import Response

from tom_share_worker import conf
from tom_share_worker.ingest import limits
from tom_share_worker.ingest.peers import batches, fields
from tom_share_worker.ingest.peers.capabilities import VERSIONS
from tom_share_worker.ingest.peers.outcomes import CREATED, Outcome
from tom_share_worker.ingest.peers.readers import Unusable, shown
from tom_share_worker.ingest.peers.store import store
from tom_share_worker.ingest.peers.view import PeerView
from tom_share_worker.ingest.problems import (
    MALFORMED,
    NOT_SUPPORTED,
    TOO_LARGE,
    UNKNOWN_TARGET,
    Problem,
)
from tom_share_worker.toolkit import DATUM_MODELS, storing

VERSION = 1
MEMBERS = ("version", "target", "datums")
ID_LIMIT = 2**63
"""Above the ids that databases have."""


class Batch(NamedTuple):
    """What a request asks for."""

    target: int
    datums: list[Any]


class Datums(PeerView):
    """Takes data points of one target."""

    def post(self, request: Request) -> Response:
        """Store a batch; answer what became of each data point, in their order."""
        limits.require_json(request._request)
        key = batches.key_of(request)
        body = limits.body(request._request)
        batch = _batch(limits.parsed(body))
        target = storing.target_to_change(request.user, batch.target)
        if target is None:
            raise _unknown(batch.target)
        rows = [_row(sent, batch.target) for sent in batch.datums]
        begun = batches.begin(request.user, key, hashlib.sha256(body).hexdigest())
        if isinstance(begun, list):
            return _answer(batch.target, begun, {"Idempotency-Replayed": "true"})
        try:
            return _answer(batch.target, _stored(request.user, target, begun, rows))
        except IntegrityError:
            # Deferred to the end of the transaction: the target went meanwhile.
            raise _unknown(batch.target) from None


def _batch(asked: Any) -> Batch:
    """Return what the body asks for, or refuse it as a whole."""
    if not isinstance(asked, dict):
        raise Problem(MALFORMED, "The body is not a JSON object.")
    version = asked.get("version")
    if type(version) is not int:
        raise Problem(MALFORMED, "The body does not tell its version, such as 1.")
    if version not in VERSIONS:
        known = ", ".join(map(str, VERSIONS))
        raise Problem(NOT_SUPPORTED, f"This TOM knows these versions: {known}.")
    if unknown := set(asked).difference(MEMBERS):
        name = shown(min(unknown))
        raise Problem(MALFORMED, f"Version {VERSION} has no {name}.")
    target, datums = asked.get("target"), asked.get("datums")
    if type(target) is not int:
        raise Problem(MALFORMED, "The target is not an id, such as 12.")
    if not isinstance(datums, list):
        raise Problem(MALFORMED, "The datums are not a list.")
    most = conf.settings().BATCH_LIMIT
    if len(datums) > most:
        raise Problem(
            TOO_LARGE, f"This TOM takes up to {most:,} data points at a time."
        )
    if not 0 < target < ID_LIMIT:
        raise _unknown(target)
    return Batch(target, datums)


def _unknown(target: int) -> Problem:
    # Ids may have any number of digits.
    named = f"target {target}" if abs(target) < ID_LIMIT else "target of this id"
    return Problem(
        UNKNOWN_TARGET,
        f"There is no {named} here that this account may change. Ask the people of "
        f"this TOM for the permission, or share the target first.",
    )


def _stored(
    user: Any, target: Any, claim: batches.Claim, rows: list[Any]
) -> list[Outcome]:
    """Store a batch, with all that belongs to it, in one transaction."""
    with batches.storing(claim):
        if not storing.lock_target(target.pk):
            raise _unknown(target.pk)
        outcomes = store(target.pk, rows)
        pairs = zip(rows, outcomes, strict=True)
        new = [row for row, outcome in pairs if outcome is CREATED]
        for model in DATUM_MODELS.values():
            storing.let_view(user, [row for row in new if type(row) is model])
        storing.share_new(target, new)
        batches.complete(claim, outcomes)
    return outcomes


def _row(sent: Any, target_pk: int) -> Any:
    """Return a data point as a row, or the reason why it cannot be one."""
    try:
        return fields.read(sent, target_pk)
    except Unusable as reason:
        return str(reason)


def _answer(
    target: int, outcomes: list[Outcome], headers: dict[str, str] | None = None
) -> Response:
    return Response(
        {"version": VERSION, "target": target, "outcomes": outcomes}, headers=headers
    )
