"""The morning after: a remote was down overnight, and 10,000 deliveries failed.

    .venv/bin/python -m tests.benchmarks.morning [--count 10000] [--shares 300]
        [--workers 1] [--pace 0]

The remote is back, an operator presses one button: how long until all are due, how long
until all are sent? Beside it, in the same run, as many fresh deliveries: the pace that
the worker has anyway. With --pace, MAX_PER_SECOND of the destination, the remote counts
whether it was kept. The remote takes everything at once; the database is a file.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import requests

from tests.benchmarks import machine, night
from tests.benchmarks.machine import say
from tests.benchmarks.stages import Stage
from tests.support.processes import ROOT, Process, free_port

DUE = 60.0
"""The bar: seconds from the button to the last delivery being due."""

PATIENCE = 1800.0

SLOTS = 4

WAITING = "status = 'failed'"
UNSENT = "status <> 'delivered'"


def outage(stage: Stage, *arguments: str) -> Any:
    """Do one thing of `outage` in our TOM; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.outage", *arguments],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": ""} | stage.environment("ours"),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{arguments[0]} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def count(stage: Stage, what: str) -> int:
    query = f"SELECT count(*) FROM tom_share_worker_delivery WHERE {what}"  # noqa: S608
    [(found,)] = stage.rows(query)
    return int(found)


def until(stage: Stage, what: str, began: float) -> float:
    """Wait until no delivery is so; return the seconds since then."""
    while count(stage, what):
        if time.time() - began > PATIENCE:
            raise SystemExit(f"Still {count(stage, what)} {what}.\n{stage.tell()}")
        time.sleep(0.1)
    return time.time() - began


def busiest(url: str) -> int:
    """Return how many requests the fullest second at the remote held."""
    found = requests.get(f"{url}counts", timeout=5).json()
    return max(map(int, found.values()), default=0)


def sent(stage: Stage, name: str, number: int, began: float) -> float:
    """Wait until all have arrived; print and return the rate."""
    took = until(stage, UNSENT, began)
    say(f"{name:36}{took:8.1f} s{number / took:10.0f} a second")
    return number / took


def morning(stage: Stage, number: int, shares: int) -> float:
    """Press the button; say how long it takes; return the rate of sending."""
    outage(stage, "failed", str(number), str(shares))
    time.sleep(12)  # the worker has nothing to do, as at the end of a night
    pressed = outage(stage, "press")
    due = until(stage, WAITING, pressed["at"])
    verdict = "held" if due <= DUE else "MISSED"
    say(f"{'the button answers after':36}{pressed['took'] * 1000:8.0f} ms")
    say(f"{'all are due after':36}{due:8.1f} s   bar {DUE:.0f} s: {verdict}")
    return sent(stage, "all are sent after", number, pressed["at"])


def run(place: Path, options: argparse.Namespace) -> None:
    port = free_port()
    command = [sys.executable, "-m", "tests.benchmarks.sink", str(port)]
    sink = Process("sink", command, {"PYTHONPATH": str(ROOT)}, place)
    url = f"http://127.0.0.1:{port}/"
    entry: dict[str, Any] = {"BASE_URL": url, "API_TOKEN": "t" * 40, "SLOTS": SLOTS}
    if options.pace:
        entry["MAX_PER_SECOND"] = options.pace
    try:
        with Stage(place, remote=entry) as stage:
            names = [f"Survey {n}" for n in range(20)]
            stage.run("ours", "targets", night.PERSON, *names)
            for _ in range(options.workers):
                stage.start_worker()
            outage(stage, "fresh", "100", "10")  # all is known, and warm
            until(stage, UNSENT, time.time())
            say(f"{machine.in_words()}\n{options.count:,} deliveries of one data point")
            began = outage(stage, "fresh", str(options.count), str(options.shares))
            fresh = "as many fresh ones are sent after"
            bare = sent(stage, fresh, options.count, began)
            rate = morning(stage, options.count, options.shares)
            say(f"{'retried against fresh':36}{rate / bare:8.2f}")
            pace = f"; MAX_PER_SECOND {options.pace:g}" if options.pace else ""
            say(f"{'requests in the fullest second':36}{busiest(url):8}{pace}")
            most = outage(stage, "slots")
            say(f"{'attempts at a time, at most':36}{most:8}; SLOTS {SLOTS}")
            say(machine.in_words())
    finally:
        sink.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--shares", type=int, default=250)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--pace", type=float, default=0, help="MAX_PER_SECOND")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        run(Path(place), options)


if __name__ == "__main__":
    main()
