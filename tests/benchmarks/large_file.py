"""How much memory a large file takes to send: this app beside stock sharing.

    .venv/bin/python -m tests.benchmarks.large_file [--size 1000] [--stock-size 200]

A data product of so many megabytes goes from a real share_worker to a stock TOM
Toolkit behind gunicorn, and a smaller one from TOM Toolkit's own sharing code, which
holds the file in memory. The memory is the most that the processes have ever held.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.benchmarks import machine, night, sky
from tests.benchmarks.machine import say
from tests.benchmarks.stages import Stage

MEGABYTE = 1_000_000
BAR = 200
"""Megabytes that the worker may hold while a file of any size goes out."""

TARGET = "Large"


def make_file(stage: Stage, name: str, size: int) -> Path:
    """Write a file into our TOM's media; not all zeros, so that its ends are told."""
    path = stage.place / "ours" / "media" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(b"the beginning")
        file.truncate(size)
        file.seek(size - len(b"the end"))
        file.write(b"the end")
    return path


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def ours(stage: Stage, size: int) -> None:
    """Let the worker send a file; print what it held at most."""
    path = make_file(stage, "whole.fits", size * MEGABYTE)
    worker = stage.start_worker()
    # One small file first: what a worker holds that has begun to work.
    small = make_file(stage, "small.fits", MEGABYTE)
    share(stage, small)
    group = worker.popen.pid
    before, began, cpu = machine.memory(group), time.monotonic(), machine.cpu(group)
    share(stage, path)
    took = time.monotonic() - began
    peak = machine.peak_memory(group)
    row("tom_share_worker", size, took, before, peak)
    say(f"  CPU of the worker: {machine.cpu(group) - cpu:.1f} s")
    [copy] = (stage.place / "stock" / "media").rglob("whole*.fits")
    same = "the same" if digest(copy) == digest(path) else "NOT THE SAME"
    say(f"  what arrived is {same}, byte by byte; bar {BAR} MB: {held(peak)}")


def share(stage: Stage, path: Path) -> None:
    pk = stage.run("ours", "product", TARGET, path.name)
    status, note = stage.await_share(stage.run("ours", "share_product", str(pk)))
    if status != "delivered":
        raise SystemExit(f"The share is {status}: {note}\n{stage.tell()}")


def stock(stage: Stage, size: int) -> None:
    """Let TOM Toolkit's own code send a file, in a process of its own."""
    path = make_file(stage, "stock.fits", size * MEGABYTE)
    pk = stage.run("ours", "product", TARGET, path.name)
    done: dict[str, Any] = stage.run("ours as stock", "stock_product", str(pk))
    row("stock sharing", size, done["seconds"], done["before"], done["peak"])
    say(f"  answer of the stock TOM: HTTP {done['status']}")


def row(name: str, size: int, took: float, before: float, peak: float) -> None:
    say(f"{name:20}{size:8} MB{took:10.1f} s{before:12.0f} MB{peak:12.0f} MB")


def held(peak: float) -> str:
    return "held" if peak <= BAR else "MISSED"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1000, help="MB for this app")
    parser.add_argument("--stock-size", type=int, default=200, help="MB for stock")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, Stage(Path(place)) as stage:
        stage.run("stock", "targets", sky.ACCOUNT, TARGET)
        stage.run("ours", "targets", night.PERSON, TARGET)
        say(f"{machine.in_words()}\n")
        say(f"{'':20}{'file':>11}{'time':>12}{'before':>15}{'at most':>15}")
        ours(stage, options.size)
        stock(stage, options.stock_size)


if __name__ == "__main__":
    main()
