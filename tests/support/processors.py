"""Data processors of the TOM under test: one that reads, and those that misbehave.

Named in DATA_PROCESSORS, see `PROCESSORS`; run in the processes of real workers. Each
leaves a line in `<file>.log` when it begins, so that tests can count and wait.
"""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import OperationalError
from tom_dataproducts.data_processor import DataProcessor
from tom_dataproducts.exceptions import InvalidFileFormatException

from tom_share_worker.ingest import actions
from tom_share_worker.models import IngestJob

Row = tuple[datetime, dict[str, Any], str]

EPOCH = datetime(1858, 11, 17, tzinfo=UTC)


class Plain(DataProcessor):  # type: ignore[misc]  # the host has no types
    """Reads `time,degree`, of which the host tells no point from a repeat of it."""

    def process_data(self, data_product: Any) -> list[Row]:
        note(data_product)
        return self.rows(data_product)

    def rows(self, data_product: Any) -> list[Row]:
        return list(read(data_product))

    def data_type_override(self) -> str:
        return "polarimetry"


class Slow(Plain):
    """Takes a moment, so that something can happen in it."""

    def rows(self, data_product: Any) -> list[Row]:
        time.sleep(1)
        return super().rows(data_product)


class Waiting(Plain):
    """Waits for a file `<file>.go` before it reads."""

    def rows(self, data_product: Any) -> list[Row]:
        while not Path(f"{data_product.data.path}.go").exists():
            time.sleep(0.02)
        return super().rows(data_product)


class Endless(Plain):
    """Never ends, nor does the program that it has started."""

    def rows(self, data_product: Any) -> list[Row]:
        program = [sys.executable, "-c", "import time; time.sleep(600)"]
        with subprocess.Popen(program) as started:
            note(data_product, started.pid)
            while True:
                with suppress(Exception):
                    time.sleep(600)


class Hungry(Plain):
    """Eats memory in small pieces until there is no more."""

    def rows(self, data_product: Any) -> list[Row]:
        eaten = []
        while True:
            eaten.append(bytearray(1_000_000))


class Greedy(Plain):
    """Wants more memory at once than any machine has."""

    def rows(self, data_product: Any) -> list[Row]:
        return [bytearray(10**15)]  # type: ignore[list-item]


class Crashing(Plain):
    """Breaks its process down, as a faulty C library does."""

    def rows(self, data_product: Any) -> list[Row]:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("still alive")


class Refusing(Plain):
    """Finds a fault in every file, until `<file>.mended` exists."""

    def rows(self, data_product: Any) -> list[Row]:
        if Path(f"{data_product.data.path}.mended").exists():
            return super().rows(data_product)
        raise InvalidFileFormatException("The comet is upside down")


class Leaving(Plain):
    """Ends its program, as a script that became a processor may."""

    def rows(self, data_product: Any) -> list[Row]:
        sys.exit("no good")


class Troubled(Plain):
    """Meets a database that is being restarted."""

    def rows(self, data_product: Any) -> list[Row]:
        raise OperationalError("server closed the connection unexpectedly")


class Cancelling(Plain):
    """A person cancels while it reads."""

    def rows(self, data_product: Any) -> list[Row]:
        actions.cancel(IngestJob.objects.filter(data_product=data_product))
        return super().rows(data_product)


class Deleting(Plain):
    """A person deletes the data product while it reads."""

    def rows(self, data_product: Any) -> list[Row]:
        rows = super().rows(data_product)
        type(data_product).objects.get(pk=data_product.pk).delete()
        return rows


PROCESSORS = {
    f"{made.__name__.lower()}": f"{__name__}.{made.__name__}"
    for made in (
        *(Plain, Slow, Waiting, Endless, Hungry, Greedy),
        *(Crashing, Refusing, Leaving, Troubled, Cancelling, Deleting),
    )
} | {"absent": "no.such.Processor"}
"""DATA_PROCESSORS of the TOM under test, beside the host's own."""


def read(data_product: Any) -> Iterator[Row]:
    """Read the rows of a data product."""
    with open(data_product.data.path, newline="") as lines:
        for row in csv.DictReader(lines):
            taken = EPOCH + timedelta(days=float(row["time"]))
            yield taken, {"degree": float(row["degree"])}, ""


def note(data_product: Any, *words: object) -> None:
    """Leave a line for the test."""
    line = " ".join(map(str, (os.getpid(), *words)))
    with open(f"{data_product.data.path}.log", "a") as log:
        log.write(f"{line}\n")


def notes(data_product: Any) -> list[list[int]]:
    """Return the numbers that were left, a list for each line."""
    with suppress(FileNotFoundError), open(f"{data_product.data.path}.log") as log:
        return [[int(word) for word in line.split()] for line in log]
    return []
