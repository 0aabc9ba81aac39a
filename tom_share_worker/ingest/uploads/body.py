"""Reads the body of an upload: hashed while it streams in, and whole or not at all.

The parser of the upload API. Django's own takes a body that was cut after the file for
a complete one; and of a gigabyte a second reading, for its digest, would take seconds.
"""

from __future__ import annotations

import hashlib
from typing import Any

from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import UnreadablePostError
from django.utils.http import parse_header_parameters
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import MultiPartParser

from tom_share_worker import conf

FILE = "file"
"""The part of an upload that holds the file, as in the host's API."""

FORM_SLACK = 1_000_000
"""Bytes that an upload may have besides its file."""

CUT = (
    "The upload is not complete: it ended before the end that it announced. Nothing of "
    "it was kept; send it again."
)


class TooLarge(APIException):
    """The file is larger than this TOM takes."""

    status_code = 413

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"The file is too large: this TOM takes files of up to {limit:,} bytes. "
            f"Send it in parts, or ask an administrator of this TOM to raise "
            f"UPLOAD_LIMIT."
        )


class LengthRequired(APIException):
    """The request does not say how long it is."""

    status_code = 411
    default_detail = (
        "The upload does not say how long it is. Send it with the header "
        "Content-Length, not in chunks."
    )


def require_length(request: Any) -> None:
    """Refuse an upload by what its headers say, before anything of it is read."""
    if "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
        raise LengthRequired
    limit = conf.settings().UPLOAD_LIMIT
    if limit is not None and _declared(request.META) > limit + FORM_SLACK:
        raise TooLarge(limit)


def _declared(meta: dict[str, Any]) -> int:
    try:
        return int(meta.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


class UploadParser(MultiPartParser):
    """Takes an upload that is whole, and gives its file the attribute `sha256`."""

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Any = None,
    ) -> Any:
        """Parse the body; raise ParseError or TooLarge where it is not acceptable."""
        request = parser_context["request"]
        limit = conf.settings().UPLOAD_LIMIT
        digests = _Digests(limit)
        request.upload_handlers = [digests, *request.upload_handlers]
        body = _Body(stream, _boundary(media_type or ""))
        try:
            found: Any = super().parse(body, media_type, parser_context)  # type: ignore[arg-type]
        except UnreadablePostError as error:
            raise ParseError(CUT) from error
        if digests.is_too_large:
            raise TooLarge(limit or 0)
        if not body.is_closed or body.count < _declared(request.META):
            _close(found.files)
            raise ParseError(CUT)
        for field, file in found.files.items():
            file.sha256 = digests.found.get(field, "")
        return found


def _boundary(media_type: str) -> bytes:
    """Return what separates the parts of a body, or nothing where it is not said."""
    _, options = parse_header_parameters(media_type)
    return str(options.get("boundary", "")).encode(errors="replace")


def _close(files: Any) -> None:
    for _, some in files.lists():
        for file in some:
            file.close()


class _Body:
    """The body as a stream, that knows whether its end has been seen."""

    def __init__(self, stream: Any, boundary: bytes) -> None:
        self._stream = stream
        self._end = b"--" + boundary + b"--"
        self._tail = b""
        self.count = 0
        self.is_closed = False

    def read(self, size: int) -> bytes:
        """Read on."""
        chunk: bytes = self._stream.read(size)
        self.count += len(chunk)
        if not self.is_closed:
            self.is_closed = (
                self._end in self._tail + chunk[: len(self._end)] or self._end in chunk
            )
            self._tail = (self._tail + chunk)[-len(self._end) :]
        return chunk


class _Digests(FileUploadHandler):
    """Reckons the digest of each file that passes by, and stops one that is too large.

    Stands before the handlers that keep the file, whichever this TOM uses.
    """

    def __init__(self, limit: int | None) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self.is_too_large = False
        self._limit = limit
        self._hash = hashlib.sha256()
        self._count = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin with the next file."""
        super().new_file(*args, **kwargs)
        self._hash = hashlib.sha256()
        self._count = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Look at a piece of the file and pass it on."""
        self._hash.update(raw_data)
        self._count += len(raw_data)
        if self._limit is not None and self._count > self._limit:
            self.is_too_large = True
            raise StopUpload(connection_reset=True)
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """Keep the digest; the file itself is kept by others."""
        self.found[str(self.field_name)] = self._hash.hexdigest()
