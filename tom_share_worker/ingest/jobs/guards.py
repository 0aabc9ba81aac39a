"""What a process that reads files lays upon itself, so that it harms nobody else.

Called by `nursery`, in the program itself and in each process that it forks. All are
offered by Linux; elsewhere the worker's own watch over its processes must do.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
OOM_FIRST = "500"


def die_with(parent: int) -> None:
    """Let the kernel kill this process when its parent ends, however that ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # It may have ended before we asked.
    if os.getppid() != parent:
        os._exit(1)


def leave_signals_to_the_worker() -> None:
    """Go on at Ctrl-C, SIGTERM and a closed terminal: the worker says when to stop.

    A handler that does nothing, and not SIG_IGN: programs that a processor starts
    would inherit that.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)


def limit_memory(size: int) -> None:
    """Let so many bytes more be taken than there are now, then raise MemoryError."""
    taken = _data_size()
    if taken is not None:
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = taken + size
        if most != resource.RLIM_INFINITY:
            wanted = min(wanted, most)
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, most))


def be_killed_first() -> None:
    """Where the machine's memory ends, let the kernel choose this and not a worker."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OOM_FIRST)


def _data_size() -> int | None:
    """Return the bytes that RLIMIT_DATA counts; None where that cannot be told."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmData:"):
                return int(line.split()[1]) * 1024
    return None
