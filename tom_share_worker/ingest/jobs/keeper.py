"""Keeps the nursery of this worker process: starts it with the first job, and ends it.

Called by `isolation`. The nursery itself is a program of its own, `nursery`.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import socket
import subprocess
import sys
import threading

from django.conf import settings as django_settings

from tom_share_worker.ingest.jobs import nursery
from tom_share_worker.models.logged import Action, fields

logger = logging.getLogger(__name__)

FAREWELL = 3.0
"""Seconds a nursery has to end when it is told to."""


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
            logger.exception(
                "The program that reads data products did not start.",
                extra=fields(Action.INGEST),
            )
            return
        finally:
            self._started.set()
        if self._process.wait() != 0:
            logger.warning(
                "The program that reads data products ended with status %s; it is "
                "started again with the next one.",
                self._process.returncode,
                extra=fields(Action.INGEST),
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


def begin() -> socket.socket:
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
