"""A storage for files that fails on command, as one over a network does at times."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from tom_dataproducts.models import DataProduct

AWAY = ConnectionError("https://bucket.example.org/?key=secret")


class EndpointError(Exception):
    """What the library of such a storage raises: an error of its own."""


class Bucket(Storage):
    """Keeps files in memory; they have no path."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self._fails: dict[str, BaseException] = {}
        self._fails_next: dict[str, BaseException] = {}

    def fail(self, *asked: str, error: BaseException = AWAY) -> None:
        """Fail at what is asked of it: exists, size, open, read."""
        self._fails |= dict.fromkeys(asked, error)

    def fail_once_it_has_a_file(self, *asked: str) -> None:
        """Take one file, and then fail at what is asked."""
        self._fails_next |= dict.fromkeys(asked, AWAY)

    def come_back(self) -> None:
        """Do what it is asked for again."""
        self._fails.clear()

    def answer(self, asked: str) -> None:
        """Fail, if this is what to fail at."""
        if asked in self._fails:
            raise self._fails[asked]

    def _open(self, name: str, mode: str = "rb") -> ContentFile[bytes]:
        self.answer("open")
        return _Fetched(self, self.kept[name], name)

    def _save(self, name: str, content: Any) -> str:
        self.answer("save")
        self.kept[name] = content.read()
        self._fails |= self._fails_next
        return name

    def exists(self, name: str) -> bool:
        self.answer("exists")
        return name in self.kept

    def size(self, name: str) -> int:
        self.answer("size")
        return len(self.kept[name])

    def delete(self, name: str) -> None:
        self.answer("delete")
        self.kept.pop(name, None)

    def url(self, name: str | None) -> str:
        return f"https://bucket.example.org/{name}"


class _Fetched(ContentFile[bytes]):
    """An open file of it; what is read of it comes over the network, too."""

    def __init__(self, bucket: Bucket, content: bytes, name: str) -> None:
        super().__init__(content, name)
        self._bucket = bucket

    def read(self, *size: int) -> bytes:
        self._bucket.answer("read")
        found: bytes = self.file.read(*size)
        return found


def made(monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """Return a bucket which is the place of all files of data products from now on."""
    bucket = Bucket()
    monkeypatch.setattr(DataProduct._meta.get_field("data"), "storage", bucket)
    return bucket
