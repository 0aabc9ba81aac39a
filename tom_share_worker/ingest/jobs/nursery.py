"""The nursery: a program that forks a process for each ingest job, ready to go.

Started by `keeper`, one for each worker process. It has imported what reading files
takes, holds no database connection and has one thread, so that forking it is quick and
safe in any Celery pool. It ends with its worker and takes its processes along.

The worker sends over the control socket one byte and one end of a socket pair for each
job. Over that pair go the order, a line of JSON; then, from the process, a line with
its id and one that says how it ended.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import importlib
import json
import logging
import os
import signal
import socket
import sys
import threading
import traceback

from tom_share_worker.ingest.jobs import guards

# Not __main__. Its fields are those of `models.logged`, not to be imported before
# Django has started.
logger = logging.LoggerAdapter(
    logging.getLogger("tom_share_worker.ingest.jobs.nursery"), {"action": "ingest"}
)

RECORDED, DATABASE, MEMORY = "recorded", "database", "memory"
"""How a process may say that it ended; none of them: it was lost."""

EX_TEMPFAIL = 75
REAP_INTERVAL = 1.0
FAREWELL = 1.0
"""Seconds a process waits for hints of its own, such as a TOM's hook may give."""


def main(arguments: list[str]) -> None:
    """Get ready, and fork until the worker closes the control socket."""
    control, parent, python_path = arguments
    guards.die_with(int(parent))
    guards.leave_signals_to_the_worker()
    _restore_python_path(python_path)
    faulthandler.enable()
    _get_ready()
    with socket.socket(fileno=int(control)) as channel:
        _Nursery(channel).serve()


def _restore_python_path(value: str) -> None:
    """Let programs that a processor starts see the path that the worker has."""
    if value:
        os.environ["PYTHONPATH"] = value
    else:
        os.environ.pop("PYTHONPATH", None)


def _get_ready() -> None:
    """Import all that reading takes, once, for all processes to come."""
    import django

    django.setup()
    from django.conf import settings
    from django.core.cache import caches
    from django.db import connections

    from tom_share_worker.ingest.jobs import processing  # noqa: F401

    for path in dict(getattr(settings, "DATA_PROCESSORS", {})).values():
        # What cannot be imported fails its own files, with a word about the setting.
        with contextlib.suppress(Exception):
            importlib.import_module(str(path).rpartition(".")[0])
    connections.close_all()
    caches.close_all()
    if threading.active_count() > 1:
        names = ", ".join(thread.name for thread in threading.enumerate()[1:])
        logger.warning(
            "An app of this TOM starts threads when Django starts (%s). Processes that "
            "read data products are forked beside them and do without them.",
            names,
        )
    # Pages that no garbage collection writes to are shared by all processes.
    gc.collect()
    gc.freeze()


class _Nursery:
    """Forks, and sees off what it forked."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._control.settimeout(REAP_INTERVAL)
        self._children: set[int] = set()

    def serve(self) -> None:
        """Fork a process for each order, until the worker has no more."""
        while True:
            try:
                word, channels, _, _ = socket.recv_fds(self._control, 1, 1)
            except TimeoutError:
                self._reap()
                continue
            if not word:
                break
            for channel in channels:
                self._fork(channel)
            self._reap()
        for pid in self._children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _fork(self, channel: int) -> None:
        nursery = os.getpid()
        try:
            pid = os.fork()
        except OSError:
            # The worker sees the pair closed, and counts the process as lost.
            logger.exception("No process could be made to read a data product.")
            os.close(channel)
            return
        if pid:
            os.close(channel)
            self._children.add(pid)
            return
        self._control.close()
        _live(nursery, channel)

    def _reap(self) -> None:
        """Take leave of the processes that have ended; say which broke down."""
        for pid in list(self._children):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended:
                continue
            self._children.discard(pid)
            if os.WIFSIGNALED(status):
                cause = signal.strsignal(os.WTERMSIG(status))
                logger.warning("A process that read a file was ended: %s.", cause)


def _live(nursery: int, channel: int) -> None:
    """Be the process of one job, from its fork to its end."""
    status = 1
    try:
        guards.die_with(nursery)
        os.setsid()  # what a processor starts can be killed with it, as one group
        guards.be_killed_first()
        # Closed by the end of this process, and by nothing before it.
        worker = socket.socket(fileno=channel)
        status = _work(worker)
    except BrokenPipeError:
        pass  # the worker wants this no more
    except BaseException:  # noqa: BLE001  (nothing may go on in this copy of a process)
        traceback.print_exc()
    finally:
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(status)


def _work(worker: socket.socket) -> int:
    """Process the job of the order; return the exit status."""
    from django.db import InterfaceError, OperationalError, connections

    from tom_share_worker import hints
    from tom_share_worker.ingest.jobs import processing

    with worker.makefile("r", encoding="utf-8") as lines:
        order = json.loads(lines.readline())
    worker.sendall(f"{os.getpid()}\n".encode())
    guards.limit_memory(order["memory"])
    word, status = RECORDED, 0
    try:
        processing.process(order["job"], order["token"])
    except (OperationalError, InterfaceError):
        logger.warning("The database failed an ingest job.", exc_info=True)
        word, status = DATABASE, EX_TEMPFAIL
    except MemoryError:
        word, status = MEMORY, 1
    # All is recorded: what fails from here on changes nothing.
    with contextlib.suppress(Exception):
        hints.flush(FAREWELL)
        connections.close_all()
    worker.sendall(f"{word}\n".encode())
    return status


if __name__ == "__main__":
    main(sys.argv[1:])
