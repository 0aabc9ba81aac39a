"""Runs a job in a process of its own: begins it, waits for it, and kills it in time.

Called by `runner`, in whatever pool the worker has. The processes come from a nursery,
which `keeper` keeps.
"""

from __future__ import annotations

import contextlib
import enum
import json
import os
import signal
import socket
import time
from collections.abc import Callable

from tom_share_worker import conf, presence
from tom_share_worker.ingest.jobs import keeper, nursery

LOOK_INTERVAL = 0.5
"""Seconds between two looks whether a job is to be ended."""

STOP_GRACE = 2.0
"""Seconds a job may go on when its worker was told to stop."""

WITHDRAWN_GRACE = 0.5
"""Seconds a process may go on whose job is no longer ours: it may just have ended."""

START_LIMIT = 120.0
"""Longest a nursery may take to bring a process to life; it imports a TOM first."""

DEATH_LIMIT = 5.0
"""Longest wait for a process that was killed to be gone."""


class Ending(enum.Enum):
    """How the process of a job ended; a closed set."""

    RECORDED = "it wrote into the row what came of it"
    DATABASE = "the database failed it"
    MEMORY = "the memory limit ended it"
    TIME = "the time limit ended it"
    STOPPED = "the worker stops"
    WITHDRAWN = "the job is no longer ours"
    LOST = "it broke down"


_SAID = {
    nursery.RECORDED: Ending.RECORDED,
    nursery.DATABASE: Ending.DATABASE,
    nursery.MEMORY: Ending.MEMORY,
}


def run(job_pk: int, token: str, still_ours: Callable[[], bool]) -> Ending:
    """Process a job in a process of its own; return when that has ended."""
    order = {
        "job": job_pk,
        "token": token,
        "memory": conf.settings().INGEST_MEMORY_LIMIT,
    }
    with keeper.begin() as channel:
        channel.settimeout(LOOK_INTERVAL)
        try:
            channel.sendall(json.dumps(order).encode() + b"\n")
        except OSError:
            return Ending.LOST
        watch = _Watch(channel, still_ours)
        try:
            return watch.wait()
        finally:
            # For what ends our waiting itself, such as a time limit of Celery's.
            watch.see_off()


class _Watch:
    """Waits for the end of one process, and brings it about where it must be."""

    def __init__(self, channel: socket.socket, still_ours: Callable[[], bool]) -> None:
        self._channel = channel
        self._still_ours = still_ours
        self._said = b""
        self._ended = False
        self._limit = time.monotonic() + START_LIMIT
        self._last_look = time.monotonic()
        self._cause: Ending | None = None
        self._until = 0.0

    def wait(self) -> Ending:
        """Return how it ended."""
        while not self._has_ended():
            self._look(time.monotonic())
            if self._cause is not None and time.monotonic() >= self._until:
                self.see_off()
                break
        for word in self._said.decode(errors="replace").split()[1:]:
            return _SAID.get(word, Ending.LOST)
        return self._cause or Ending.LOST

    def _has_ended(self) -> bool:
        """Hear what it says for a moment; True once its end is closed."""
        try:
            heard = self._channel.recv(4096)
        except TimeoutError:
            return False
        except ConnectionError:
            heard = b""
        if heard and self._pid is None:
            self._limit = time.monotonic() + conf.settings().INGEST_TIME_LIMIT
        self._said += heard
        self._ended = not heard
        return self._ended

    def _look(self, now: float) -> None:
        """See whether there is a reason to end it; the first one stands."""
        if self._cause is not None:
            return
        if presence.stopping.is_set():
            self._cause, self._until = Ending.STOPPED, now + STOP_GRACE
        elif now >= self._limit:
            began = self._pid is not None
            self._cause, self._until = Ending.TIME if began else Ending.LOST, now
        elif now - self._last_look >= 2 * LOOK_INTERVAL:
            self._last_look = now
            if not self._still_ours():
                self._cause, self._until = Ending.WITHDRAWN, now + WITHDRAWN_GRACE

    @property
    def _pid(self) -> int | None:
        line, ended, _ = self._said.partition(b"\n")
        return int(line) if ended else None

    def see_off(self) -> None:
        """End it with all that it started, if it lives, and wait until it is gone.

        One that has not begun finds this end closed when it does, and ends.
        """
        if self._ended:
            return
        if self._pid is None:
            if self._cause is Ending.LOST:
                keeper.stop()
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGKILL)
        gone_by = time.monotonic() + DEATH_LIMIT
        while not self._has_ended() and time.monotonic() < gone_by:
            pass
