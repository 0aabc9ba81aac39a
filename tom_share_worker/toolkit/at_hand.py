"""Brings a file that is kept elsewhere to this machine, while it is being read.

Used by `processing`. The host's processors open files by their path, and so do many of
a TOM's own; files in object storage have none. And what the storage does wrong is told
from what is wrong with the file.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from django.core.files import File

PREFIX = "tom-share-read-"


class NotFetched(Exception):  # noqa: N818  (a fact about the storage)
    """The storage did not give the file; its reason is the cause."""


@contextmanager
def at_hand(product: Any) -> Iterator[None]:
    """Let the file of a data product have a path for as long as this lasts.

    It is fetched when somebody asks for the path, or opens it. Raises NotFetched then,
    if the storage fails.
    """
    file = product.data
    if not file or _has_path(file):
        yield
        return
    storage = file.storage
    _remove_what_the_killed_left()
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-") as place:
        # Of this object only: the field's own storage serves everybody.
        file.storage = _Fetching(storage, Path(place))
        file.was_at = file.storage.place_of(file.name)
        try:
            yield
        finally:
            file.storage = storage


def path_of(product: Any) -> str:
    """Return where a file is, or was while it was read; "" where that was nowhere."""
    try:
        return str(product.data.path)
    except NotImplementedError:
        return str(getattr(product.data, "was_at", ""))


def _has_path(file: Any) -> bool:
    try:
        return bool(file.storage.path(file.name))
    except NotImplementedError:
        return False


def _remove_what_the_killed_left() -> None:
    """Remove copies of processes that met a limit, which had no time to do it."""
    for place in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        pid = place.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdigit() and not _lives(int(pid)):
            shutil.rmtree(place, ignore_errors=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # of somebody else
    return True


class _Fetching:
    """A storage that fetches a file to where it has a path, once it is asked for it."""

    def __init__(self, storage: Any, place: Path) -> None:
        self._storage = storage
        self._place = place

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def place_of(self, name: str) -> Path:
        """Return where its copy is going to be, under its own name."""
        return self._place / PurePosixPath(name).name

    def path(self, name: str) -> str:
        """Return where a copy of the file is."""
        copy = self.place_of(name)
        if not copy.exists():
            # Whole or not there: what was cut off must not be read as the file.
            part = self._place / "being fetched"
            try:
                with self._storage.open(name, "rb") as source, part.open("wb") as goal:
                    shutil.copyfileobj(source, goal)
            except MemoryError:
                raise  # a limit of this process, and nothing that the storage does
            except Exception as error:
                raise NotFetched from error
            part.rename(copy)
        return str(copy)

    def open(self, name: str, mode: str = "rb") -> Any:
        """Open the copy; what is written to goes to the storage itself."""
        if mode != "rb":
            return self._storage.open(name, mode)
        return File(Path(self.path(name)).open("rb"), name)
