"""What a process costs the machine: its CPU, its memory; and how busy all else is.

Read from Linux's /proc, for a whole process group, since web servers and workers are
several processes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_MEGABYTE = 1024  # /proc tells kilobytes


def cpu(group: int) -> float:
    """Return the seconds of CPU that the living processes of a group have used."""
    return sum(int(f[11]) + int(f[12]) for _, f in _members(group)) / _TICKS


def memory(group: int) -> float:
    """Return the megabytes that the processes of a group hold now."""
    return _status(group, "VmRSS:")


def peak_memory(group: int) -> float:
    """Return the most megabytes that each of them has held, summed up."""
    return _status(group, "VmHWM:")


def own_memory(line: str = "VmRSS:") -> float:
    """Return the megabytes of this process."""
    return _line(Path("/proc/self/status"), line) / _MEGABYTE


def in_words() -> str:
    """Say what the machine is and how busy it is, since others may be at work, too."""
    load = ", ".join(f"{n:.1f}" for n in os.getloadavg())
    return f"{os.cpu_count()} cores; load of the last 1, 5, 15 minutes: {load}"


def say(line: str = "") -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _status(group: int, line: str) -> float:
    return sum(_line(p / "status", line) for p, _ in _members(group)) / _MEGABYTE


def _line(status: Path, wanted: str) -> int:
    with suppress(OSError):
        for line in status.read_text().splitlines():
            if line.startswith(wanted):
                return int(line.split()[1])
    return 0


def _members(group: int) -> Iterator[tuple[Path, list[str]]]:
    """Yield the processes of a group with the fields of their stat, from the state."""
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            # The name of the program stands in brackets and may hold blanks.
            fields = (place / "stat").read_text().rpartition(")")[2].split()
            if int(fields[2]) == group:
                yield place, fields
