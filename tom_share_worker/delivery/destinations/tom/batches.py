"""Data points sent in batches to a TOM that runs this app, many in one request.

Called by `tom`. The receiver says the fate of each; a request that is repeated because
its answer was lost has the same key, by which the receiver knows it.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus

from tom_share_worker.delivery.destinations import verdicts
from tom_share_worker.delivery.destinations.base import Progress
from tom_share_worker.delivery.destinations.http import Answer
from tom_share_worker.delivery.destinations.tom import peer, wire
from tom_share_worker.delivery.destinations.tom.datums import Resolve, sum_up
from tom_share_worker.delivery.destinations.tom.session import Session
from tom_share_worker.delivery.destinations.tom.wire import Peer
from tom_share_worker.delivery.ledger import Fate, Key
from tom_share_worker.delivery.outcomes import (
    Halted,
    Interrupted,
    Outcome,
    TryAgain,
    Unsendable,
)
from tom_share_worker.delivery.parcels import BATCHES, DatumsParcel
from tom_share_worker.models import Failure

PATIENCE = 2
"""Attempts after which data points whose batch meets an internal error there go one by
one, as to a stock TOM: one that cannot be stored must not keep the others waiting."""

Rows = list[tuple[Key, str]]
"""Data points with their JSON, in their order."""


class Batches:
    """The sending of one delivery in as few requests as the receiver allows."""

    def __init__(
        self,
        session: Session,
        parcel: DatumsParcel,
        progress: Progress,
        resolve_again: Resolve,
        peer: Peer,
    ) -> None:
        self.session = session
        self.parcel = parcel
        self.progress = progress
        self.peer = peer
        self._resolve_again = resolve_again
        self._target = ""
        self._resolved = False
        self._fresh_key = ""

    def send(self, remote_id: str) -> Outcome:
        """Send what is pending, and sum up; raise `Surprise` where that cannot be."""
        self._target = remote_id
        for rows in self._requests():
            if not self._send(rows):
                return Interrupted()
        return sum_up(self.progress.ledger)

    def _requests(self) -> Iterator[Rows]:
        """Yield what goes into one request each, by the limits of the receiver."""
        rows: Rows = []
        size = 0
        for key, datum in self.parcel.datums.items():
            try:
                text = wire.datum(self.parcel, key, datum)
            except Unsendable as unsendable:
                self.progress.settle(key, Fate.REFUSED, str(unsendable))
                continue
            size += len(text) + 1
            if rows and (len(rows) >= self.peer.batch or size > self._room()):
                yield rows
                rows, size = [], len(text) + 1
            rows.append((key, text))
        if rows:
            yield rows

    def _room(self) -> int:
        return self.peer.body - wire.overhead(self._target)

    def _send(self, rows: Rows) -> bool:
        """Send one request and settle its data points; False when we must let go."""
        if not self.progress.keep_going():
            return False
        answer = self._post(rows)
        match wire.problem(answer.json()), answer.status:
            case "unknown-target", _ if not self._resolved:
                self._resolved = True
                self._target = self._resolve_again(
                    self.session, self.parcel.target, self.progress, self._target
                )
                return self._send(rows)
            case "key-reused", _ if not self._fresh_key:
                # Ours are made of the body, so this one was garbled somewhere.
                self._fresh_key = uuid.uuid4().hex
                return self._send(rows)
            case _, HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                return self._send_less(rows)
        self._settle(rows, answer)
        return True

    def _post(self, rows: Rows) -> Answer:
        body = wire.body(self._target, (text for _, text in rows))
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": self._key(body),
        }
        if self.peer.takes_gzip and len(body) > wire.COMPRESS_FROM:
            headers["Content-Encoding"] = "gzip"
            body = wire.compressed(body)
        return self.session.request("POST", BATCHES, content=body, headers=headers)

    def _key(self, body: bytes) -> str:
        """Return the key of a request: the same for what was sent and not answered."""
        digest = hashlib.sha256(body).hexdigest()
        named = f"{self.parcel.conversation}:{self._fresh_key}:{digest}"
        return hashlib.sha256(named.encode("utf-8", "surrogatepass")).hexdigest()

    def _send_less(self, rows: Rows) -> bool:
        """Send two halves of what was too large; a single data point is refused."""
        size = sum(len(text) + 1 for _, text in rows)
        if len(rows) == 1:
            reason = _too_large(self.session.name, size)
            self.progress.settle(rows[0][0], Fate.REFUSED, reason)
            return True
        # Something on the way may take less than the other TOM: told by nobody else.
        if wire.LEAST < size // 2 < self.peer.body:
            self.peer = replace(self.peer, body=size // 2)
            self.progress.found_peer(self.peer.row())
        middle = len(rows) // 2
        return self._send(rows[:middle]) and self._send(rows[middle:])

    def _settle(self, rows: Rows, answer: Answer) -> None:
        """Write down what the receiver says of each, or halt where it does not."""
        name = self.session.name
        if answer.status == HTTPStatus.CONFLICT:
            raise Halted(
                TryAgain(
                    Failure.DESTINATION_DOWN,
                    f"{name} is still storing these data points.",
                    retry_after=verdicts.retry_after(answer),
                )
            )
        if wire.problem(answer.json()) == "key-reused":
            raise Halted(
                TryAgain(
                    Failure.OUR_FAULT, f"{name} takes these data points for others."
                )
            )
        peer.require_spoken(answer)
        if _is_internal_error(answer) and self.parcel.attempts >= PATIENCE:
            raise peer.Surprise(of_the_protocol=False)
        self.session.halt_on_trouble(answer)
        fates = wire.fates(answer.json(), len(rows))
        if fates is None:
            raise Halted(self.session.nonsense())
        for (key, _), (fate, reason) in zip(rows, fates, strict=True):
            if fate is Fate.REFUSED:
                reason = f"{name} refused it: {verdicts.words(reason)}."
            self.progress.settle(key, fate, reason)


def _is_internal_error(answer: Answer) -> bool:
    return answer.status == HTTPStatus.INTERNAL_SERVER_ERROR


def _too_large(name: str, size: int) -> str:
    return (
        f"It has {size} bytes, more than {name} takes in one request. Share it as a "
        f"file instead."
    )
