"""Runs a job in a process of its own: begins it, waits for it, and kills it in time.

Called by `runner`, in whatever pool the worker has. The processes come from a nursery
(`nursery.py`), one for each worker process, started with the first job.
"""

from __future__ import annotations

import atexit
import contextlib
import enum
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from django.conf import settings as django_settings

from tom_share_worker import conf, presence
from tom_share_worker.ingest.jobs import nursery

logger = logging.getLogger(__name__)

LOOK_INTERVAL = 0.5
"""Seconds between two looks whether a job is to be ended."""

STOP_GRACE = 2.0
"""Seconds a job may go on when its worker was told to stop."""

WITHDRAWN_GRACE = 0.5
"""Seconds a process may go on whose job is no longer ours: it may just have ended."""

START_LIMIT = 120.0
"""Longest a nursery may take to bring a process to life; it imports a TOM first."""

DEATH_LIMIT = 5.0
FAREWELL = 3.0


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
    with _begin() as channel:
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
                stop()
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGKILL)
        gone_by = time.monotonic() + DEATH_LIMIT
        while not self._has_ended() and time.monotonic() < gone_by:
            pass


class _Nursery:
    """The nursery of this worker process."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._control, its = socket.socketpair()
        self._lock = threading.Lock()
        self._started = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        # The kernel kills it when the thread ends that started it, so that thread
        # lives as long as the worker, unlike those of a pool.
        self._keeper = threading.Thread(
            target=self._keep, args=[its], name="share-nursery", daemon=True
        )
        self._keeper.start()
        self._started.wait()

    def _keep(self, its: socket.socket) -> None:
        command = [sys.executable, "-P", "-m", nursery.__name__]
        arguments = [str(its.fileno()), str(self.pid), os.environ.get("PYTHONPATH", "")]
        try:
            with its:
                self._process = subprocess.Popen(  # noqa: S603  (this interpreter)
                    [*command, *arguments],
                    env=_environment(),
                    stdin=subprocess.DEVNULL,
                    pass_fds=[its.fileno()],
                    # Ctrl-C is for the worker, which decides what to do with its jobs.
                    start_new_session=True,
                )
        except OSError:
            logger.exception("The program that reads data products did not start.")
            return
        finally:
            self._started.set()
        if self._process.wait() != 0:
            logger.warning(
                "The program that reads data products ended with status %s; it is "
                "started again with the next one.",
                self._process.returncode,
            )

    def begin(self) -> socket.socket:
        """Ask for a process; return our end of the way to it.

        Raise OSError where the nursery is gone.
        """
        mine, its = socket.socketpair()
        try:
            with its, self._lock:
                socket.send_fds(self._control, [b"+"], [its.fileno()])
        except BaseException:
            mine.close()
            raise
        return mine

    def stop(self) -> None:
        """Let it end, with all its processes."""
        self._control.close()
        self._keeper.join(FAREWELL)
        if self._process is not None and self._keeper.is_alive():
            self._process.kill()
            self._keeper.join(FAREWELL)


def _environment() -> dict[str, str]:
    """Return what the nursery must know to be in the same TOM, with one thread."""
    one_thread = dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
    )
    path = [os.path.abspath(entry) for entry in sys.path]
    module = getattr(django_settings, "SETTINGS_MODULE", None)
    return {
        **os.environ,
        **one_thread,
        **({"DJANGO_SETTINGS_MODULE": str(module)} if module else {}),
        "PYTHONPATH": os.pathsep.join(path),
    }


_current: _Nursery | None = None
_lock = threading.Lock()


def _begin() -> socket.socket:
    """Ask this process's nursery for a process; start a nursery where none lives."""
    global _current
    with _lock:
        # A forked child of the worker starts its own.
        if _current is not None and _current.pid == os.getpid():
            with contextlib.suppress(OSError):
                return _current.begin()
            _current.stop()
        _current = _Nursery()
        return _current.begin()


def stop() -> None:
    """End this process's nursery, if there is one; the next job starts another."""
    global _current
    with _lock:
        gone, _current = _current, None
    if gone is not None and gone.pid == os.getpid():
        gone.stop()


atexit.register(stop)
