"""A multipart body that streams its file: memory stays flat, whatever the size.

`requests` builds the whole body in memory when given `files`.
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Mapping
from typing import IO


class FileChanged(Exception):  # noqa: N818  (a fact about a file)
    """The file is not as long as it was, or cannot be read any more."""


class Multipart(io.RawIOBase):
    """Form fields and one file as one readable body of known length (RFC 7578)."""

    def __init__(
        self,
        fields: Mapping[str, str],
        name: str,
        file_name: str,
        file: IO[bytes],
        size: int,
    ) -> None:
        super().__init__()
        self.boundary = uuid.uuid4().hex
        head = b"".join(self._field(key, value) for key, value in fields.items())
        head += (
            f"--{self.boundary}\r\nContent-Disposition: form-data; "
            f'name="{name}"; filename="{_quoted(file_name)}"\r\n'
            f"Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        tail = f"\r\n--{self.boundary}--\r\n".encode()
        self._parts: list[IO[bytes]] = [io.BytesIO(head), file, io.BytesIO(tail)]
        self._file_end = len(head) + size
        self._length = self._file_end + len(tail)
        self._sent = 0

    @property
    def content_type(self) -> str:
        """Return the header that names the boundary."""
        return f"multipart/form-data; boundary={self.boundary}"

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
                buffer[: len(data)] = data
                self._sent += len(data)
                return len(data)
            self._parts.pop(0)
        return 0

    def _require_unchanged(self, count: int) -> None:
        """Break off, before the closing boundary, if the file is not as long as told.

        With the boundary the other side would keep what it got as a whole file.
        """
        in_file = len(self._parts) == 2
        ends = count == 0
        if in_file and (
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
