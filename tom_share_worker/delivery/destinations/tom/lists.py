"""Lets the first target of a list go to a TOM alone.

TOM Toolkit makes a list that it does not have yet, and makes it twice for two targets
that come at the same moment. From then on it answers an internal error to each target
that names the list. So in this process nobody else puts a target into a list there
until the list is known to be there. Called by `destination`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from tom_share_worker.delivery.destinations.http import Answer
from tom_share_worker.delivery.destinations.tom.session import Session
from tom_share_worker.delivery.outcomes import Halted, Interrupted

LOOK_INTERVAL = 0.5
"""Seconds between two looks whether a delivery that waits here is to stop."""

KNOWN_LIMIT = 10_000
"""Lists kept in mind; then they are found out anew."""

_known: set[tuple[str, str]] = set()
_locks: dict[str, threading.Lock] = {}
_lock = threading.Lock()


def put(session: Session, method: str, path: str, body: dict[str, Any]) -> Answer:
    """Make a request that puts a target into lists; alone while one of them is new."""
    address = session.settings.base_url
    lists = {(address, one["name"]) for one in body["target_lists"]}
    if lists <= _known:
        return session.request(method, path, body=body)
    with _alone(session, address):
        answer = session.request(method, path, body=body)
    if answer.status < HTTPStatus.MULTIPLE_CHOICES:
        if len(_known) >= KNOWN_LIMIT:
            _known.clear()
        _known.update(lists)
    return answer


@contextmanager
def _alone(session: Session, address: str) -> Iterator[None]:
    with _lock:
        turn = _locks.setdefault(address, threading.Lock())
    while not turn.acquire(timeout=LOOK_INTERVAL):
        if not session.keep_going():
            raise Halted(Interrupted())
    try:
        yield
    finally:
        turn.release()
