"""A million data points: how fast they are planned, and the worker's memory meanwhile.

    .venv/bin/python -m tests.benchmarks.million [--count 1000000] [--send 100000]

A real share_worker plans a share of all data of a target while its destination is
paused, then sends of it to a remote that takes everything at once. Each line is one
more tenth: the rate since the last line and what the worker holds.

"""

from __future__ import annotations

import argparse
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.benchmarks import machine, night
from tests.benchmarks.machine import say
from tests.benchmarks.stages import Stage
from tests.support.processes import ROOT, Process, free_port

BAR = 200
"""Megabytes that the worker may hold, however much is shared."""

TARGET = "Million"


def fill(stage: Stage, count: int) -> None:
    """Write the rows with SQL: through Django it takes minutes."""
    [pk] = stage.run("ours", "targets", night.PERSON, TARGET).values()
    columns = (
        "target_id, timestamp, value, telescope, instrument, source_name,"
        " source_location, reduction_version, brightness, unit, bandpass"
    )
    rows: Iterator[tuple[Any, ...]] = (
        (
            *(pk, str((night.NIGHT + timedelta(seconds=n)).replace(tzinfo=None))),
            *("{}", "1m0", "Sinistro", "", "", "", 15 + n / 1e6, "AB mag", "r"),
        )
        for n in range(count)
    )
    with closing(sqlite3.connect(stage.place / "ours" / "db.sqlite3")) as database:
        database.executemany(
            f"INSERT INTO tom_dataproducts_photometryreduceddatum ({columns})"  # noqa: S608
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        database.commit()


class Watch:
    """Prints a line at each tenth of the way."""

    def __init__(self, stage: Stage, what: str, column: str, goal: int) -> None:
        self.stage, self.column, self.goal = stage, column, goal
        self.began = self.last_time = time.monotonic()
        self.last_done = 0
        self.peaks: list[float] = []
        say(f"\n{what:>16}{'datums/s':>12}{'MB now':>10}{'MB at most':>12}")

    def until_done(self) -> None:
        done = 0
        while done < self.goal:
            time.sleep(0.2)
            [(done,)] = self.stage.rows(
                f"SELECT coalesce(sum({self.column}), 0)"  # noqa: S608
                " FROM tom_share_worker_delivery"
            )
            assert self.stage.worker is not None
            assert self.stage.worker.alive, self.stage.worker.tell()
            if done >= min(self.last_done + self.goal / 10, self.goal):
                self._line(done)

    def _line(self, done: int) -> None:
        now = time.monotonic()
        rate = (done - self.last_done) / (now - self.last_time)
        group = self.stage.worker.popen.pid if self.stage.worker else 0
        self.peaks.append(machine.peak_memory(group))
        say(
            f"{done:16,}{rate:12,.0f}{machine.memory(group):10.0f}"
            f"{self.peaks[-1]:12.0f}"
        )
        self.last_done, self.last_time = done, now

    def tell(self) -> None:
        rate = self.last_done / (self.last_time - self.began)
        grown = self.peaks[-1] - self.peaks[0]
        held = "held" if self.peaks[-1] <= BAR else "MISSED"
        say(
            f"{rate:,.0f} a second; {grown:+.0f} MB from the first tenth to the last; "
            f"bar {BAR} MB: {held}"
        )


def run(place: Path, count: int, send: int) -> None:
    port = free_port()
    command = [sys.executable, "-m", "tests.benchmarks.sink", str(port)]
    sink = Process("sink", command, {"PYTHONPATH": str(ROOT)}, place)
    entry = {"BASE_URL": f"http://127.0.0.1:{port}/", "API_TOKEN": "t" * 40}
    try:
        with Stage(place, remote=entry) as stage:
            fill(stage, count)
            stage.run("ours", "pause")
            stage.start_worker()
            say(machine.in_words())
            stage.run("ours", "share", TARGET)
            planned = Watch(stage, "planned", "datum_count", count)
            planned.until_done()
            planned.tell()
            stage.run("ours", "resume")
            sent = Watch(stage, "sent", "delivered_count", min(send, count))
            sent.until_done()
            sent.tell()
    finally:
        sink.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000, help="to be planned")
    parser.add_argument("--send", type=int, default=100_000, help="of them to be sent")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        run(Path(place), options.count, options.send)


if __name__ == "__main__":
    main()
