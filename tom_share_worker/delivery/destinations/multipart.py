"""A multipart body that streams its file: memory stays flat, whatever the size.

`requests` builds the whole body in memory when given `files`.
"""

from __future__ import annotations

import hashlib
import io
import uuid
from collections.abc import Mapping
from typing import IO


class FileChanged(Exception):  # noqa: N818  (a fact about a file)
    """The file is not as long as it was, or cannot be read any more."""


DIGEST = "sha256"
"""The name of the field that holds the digest of the file."""


class Multipart(io.RawIOBase):
    """Form fields and one file as one readable body of known length (RFC 7578).

    With `with_digest` a field after the file holds its SHA-256, reckoned while it goes
    by: its length is known beforehand, and the file is read once only.
    """

    def __init__(
        self,
        fields: Mapping[str, str],
        name: str,
        file_name: str,
        file: IO[bytes],
        size: int,
        *,
        with_digest: bool = False,
    ) -> None:
        super().__init__()
        self.boundary = uuid.uuid4().hex
        head = b"".join(self._field(key, value) for key, value in fields.items())
        head += (
            f"--{self.boundary}\r\nContent-Disposition: form-data; "
            f'name="{name}"; filename="{_quoted(file_name)}"\r\n'
            f"Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        self._hash = hashlib.sha256() if with_digest else None
        self._file = file
        self._parts: list[IO[bytes]] = [io.BytesIO(head), file]
        self._file_end = len(head) + size
        self._length = self._file_end + len(self._tail())
        self._sent = 0
        self.digest = ""
        """The digest of the file, once all of it was read."""

    @property
    def content_type(self) -> str:
        """Return the header that names the boundary."""
        return f"multipart/form-data; boundary={self.boundary}"

    def _tail(self) -> bytes:
        """Return what comes after the file: always of the same length."""
        tail = b"\r\n"
        if self._hash is not None:
            tail += self._field(DIGEST, self._hash.hexdigest())
        return tail + f"--{self.boundary}--\r\n".encode()

    def _field(self, name: str, value: str) -> bytes:
        head = f'Content-Disposition: form-data; name="{name}"'
        return f"--{self.boundary}\r\n{head}\r\n\r\n{value}\r\n".encode()

    def __len__(self) -> int:
        return self._length

    def tell(self) -> int:
        """Return the bytes read so far; requests asks before it trusts the length."""
        return self._sent

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while self._parts:
            try:
                data = self._parts[0].read(len(buffer))
            except OSError as error:
                # As an OSError it would pass for a fault of the connection.
                raise FileChanged(f"The file cannot be read: {error}.") from error
            self._require_unchanged(len(data))
            if data:
                if self._is_in_file and self._hash is not None:
                    self._hash.update(data)
                buffer[: len(data)] = data
                self._sent += len(data)
                return len(data)
            self._next_part()
        return 0

    @property
    def _is_in_file(self) -> bool:
        return self._parts[0] is self._file

    def _next_part(self) -> None:
        if self._is_in_file:
            if self._hash is not None:
                self.digest = self._hash.hexdigest()
            self._parts.append(io.BytesIO(self._tail()))
        self._parts.pop(0)

    def _require_unchanged(self, count: int) -> None:
        """Break off, before the closing boundary, if the file is not as long as told.

        With the boundary the other side would keep what it got as a whole file.
        """
        ends = count == 0
        if self._is_in_file and (
            self._sent + count > self._file_end
            or (ends and self._sent != self._file_end)
        ):
            raise FileChanged("The file changed while it was sent.")


def _quoted(name: str) -> str:
    """Return a file name that cannot break out of its quotes."""
    return (
        name.replace("\\", "\\\\")
        .replace('"', "%22")
        .replace("\r", "%0D")
        .replace("\n", "%0A")
    )
