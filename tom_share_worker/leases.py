"""The lease of a claim: short, so that the work of a killed worker runs again soon, and
renewed by a thread as long as its worker lives.

Used for deliveries and for ingest jobs, whose rows have the columns `claim` and
`lease_until`. Taking a claim is a conditional UPDATE of their rooms.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import DatabaseError, InterfaceError, connection, models
from django.utils import timezone

from tom_share_worker import conf
from tom_share_worker.models.logged import Action, fields

logger = logging.getLogger(__name__)

Claimed = type[models.Model]
"""A kind of rows that are claimed."""


def end(now: datetime) -> datetime:
    """Return when a claim taken or renewed now lapses."""
    return now + timedelta(seconds=conf.settings().LEASE)


@contextmanager
def kept(rows: Claimed, token: str) -> Iterator[None]:
    """Renew the lease of a claim as long as this block runs."""
    keeper = _keeper()
    keeper.add(rows, token)
    try:
        yield
    finally:
        keeper.remove(rows, token)


class _Keeper:
    """The thread that renews this process's leases; it dies with the process."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._held: set[tuple[Claimed, str]] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        threading.Thread(target=self._run, name="share-leases", daemon=True).start()

    def add(self, rows: Claimed, token: str) -> None:
        with self._lock:
            self._held.add((rows, token))
        self._wake.set()

    def remove(self, rows: Claimed, token: str) -> None:
        with self._lock:
            self._held.discard((rows, token))

    def _run(self) -> None:
        while True:
            self._wake.wait()
            # Three chances within a lease: one slow moment of the database is no loss.
            threading.Event().wait(conf.settings().LEASE / 3)
            tokens = defaultdict(list)
            with self._lock:
                for rows, token in self._held:
                    tokens[rows].append(token)
                if not tokens:
                    self._wake.clear()
            for rows, some in tokens.items():
                self._renew(rows, some)

    def _renew(self, rows: Claimed, tokens: list[str]) -> None:
        try:
            rows._default_manager.filter(claim__in=tokens).update(
                lease_until=end(timezone.now())
            )
        except (DatabaseError, InterfaceError):
            # Whatever ended this thread would end all leases of its process.
            logger.warning(
                "Leases could not be renewed; trying again.",
                exc_info=True,
                extra=fields(Action.LEASE, count=len(tokens)),
            )
        finally:
            connection.close()


_current: _Keeper | None = None
_lock = threading.Lock()


def _keeper() -> _Keeper:
    """Return this process's keeper; a forked child starts its own."""
    global _current
    with _lock:
        if _current is None or _current.pid != os.getpid():
            _current = _Keeper()
        return _current
