"""The streamed body, read back by Django's own parser."""

from __future__ import annotations

import hashlib
import io
import tracemalloc
from typing import IO, Any

import pytest
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http.multipartparser import MultiPartParser
from hypothesis import given
from hypothesis import strategies as st

from tom_share_worker.delivery.destinations.multipart import FileChanged, Multipart


def parsed(body: Multipart, data: bytes) -> tuple[dict[str, Any], Any]:
    """Return the fields and the file that a Django server sees."""
    headers = {"CONTENT_TYPE": body.content_type, "CONTENT_LENGTH": str(len(data))}
    handlers = [MemoryFileUploadHandler()]
    fields, files = MultiPartParser(headers, io.BytesIO(data), handlers).parse()
    return fields.dict(), files["file"]


@given(
    fields=st.dictionaries(
        st.text("abc_", min_size=1), st.text(st.characters(codec="utf-8"), max_size=50)
    ),
    content=st.binary(max_size=5000),
    step=st.integers(1, 3000),
)
def test_fields_and_file_arrive_as_they_were(
    fields: dict[str, str], content: bytes, step: int
) -> None:
    file = io.BytesIO(content)
    body = Multipart(fields, "file", "image.fits", file, len(content))

    data = b"".join(iter(lambda: body.read(step) or b"", b""))

    assert len(data) == len(body)
    assert body.tell() == len(data)
    found, upload = parsed(body, data)
    assert found == fields
    if content:  # Django drops a file without content
        assert upload.read() == content


@pytest.mark.parametrize(
    ("name", "arrives_as"),
    [
        ("image.fits", "image.fits"),
        ("M 31 (r).csv", "M 31 (r).csv"),
        ("Übersicht.csv", "Übersicht.csv"),
        ('a"b.csv', "a%22b.csv"),
        ('"; name="target', "%22; name=%22target"),
        ("a\r\nX-Header: b", "a%0D%0AX-Header: b"),
    ],
)
def test_a_file_name_cannot_break_out_of_its_quotes(name: str, arrives_as: str) -> None:
    body = Multipart({"target": "1"}, "file", name, io.BytesIO(b"x"), 1)

    found, upload = parsed(body, body.read())

    assert found == {"target": "1"}
    assert upload.name == arrives_as


class _Zeros(io.RawIOBase):
    """A file of any size that takes no place."""

    def __init__(self, size: int) -> None:
        self.left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = min(len(buffer), self.left)
        self.left -= count
        return count


def test_a_large_file_streams_in_flat_memory() -> None:
    size = 200_000_000
    file: IO[bytes] = io.BufferedReader(_Zeros(size))
    body = Multipart({"target": "1"}, "file", "large.fits", file, size)
    tracemalloc.start()

    read = sum(map(len, iter(lambda: body.read(65536), b"")))

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert read == len(body)
    assert peak < 2_000_000


@given(content=st.binary(max_size=5000), step=st.integers(1, 3000))
def test_the_digest_of_a_file_goes_after_it(content: bytes, step: int) -> None:
    file = io.BytesIO(content)
    body = Multipart({"a": "b"}, "file", "x", file, len(content), with_digest=True)
    assert body.digest == ""

    data = b"".join(iter(lambda: body.read(step) or b"", b""))

    assert len(data) == len(body)
    digest = hashlib.sha256(content).hexdigest()
    assert body.digest == digest
    assert data.index(digest.encode()) > data.index(b'filename="x"') + len(content)
    if content:  # Django drops a file without content
        found, upload = parsed(body, data)
        assert found == {"a": "b", "sha256": digest}
        assert upload.read() == content


def test_a_file_that_changed_ends_without_a_digest() -> None:
    body = Multipart({}, "file", "x", io.BytesIO(b"short"), 10, with_digest=True)

    with pytest.raises(FileChanged):
        body.read()

    assert body.digest == ""
