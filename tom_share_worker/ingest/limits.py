"""How much is read of what another TOM sends, how deep, and how often.

Used by the views of `peers`. Nothing here trusts a header, nothing grows with what a
packed body claims to hold, and whatever is wrong is refused in words.
"""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Sequence
from typing import Any, NoReturn

from django.http import HttpRequest, UnreadablePostError
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from tom_share_worker import conf
from tom_share_worker.ingest.problems import (
    LENGTH_REQUIRED,
    MALFORMED,
    MEDIA,
    TOO_LARGE,
    Problem,
)
from tom_share_worker.models.logged import Action, fields

logger = logging.getLogger(__name__)

JSON = "application/json"
BYTES_PER_VALUE = 8
"""A body has one value for so many bytes at most. `[[],[],…]` would otherwise take
thirty times its size in memory."""

DIGITS = 400
"""Digits of a whole number; a longer one is beyond what a float can hold."""


def require_json(request: HttpRequest) -> None:
    """Refuse a body that does not say that it is JSON, plain or packed by gzip."""
    if request.content_type != JSON:
        raise Problem(MEDIA, f"Send the body as {JSON}.")
    if _packing(request) not in {"", "identity", "gzip"}:
        raise Problem(MEDIA, "Send the body plain, or with Content-Encoding: gzip.")


def body(request: HttpRequest) -> bytes:
    """Return the body of a request, unpacked, if it keeps to the limit."""
    limit = conf.settings().BODY_LIMIT
    length = _length(request)
    if length > limit:
        raise _too_large(limit)
    try:
        data = request.read(limit + 1)
    except UnreadablePostError as error:
        raise Problem(MALFORMED, "The body ended too early.") from error
    if len(data) > limit:
        raise _too_large(limit)
    if len(data) != length:
        raise Problem(MALFORMED, "The body is not as long as Content-Length says.")
    return _unpacked(data, limit) if _packing(request) == "gzip" else data


def _packing(request: HttpRequest) -> str:
    return str(request.headers.get("Content-Encoding", "")).strip().lower()


def _length(request: HttpRequest) -> int:
    given = str(request.META.get("CONTENT_LENGTH") or "")
    if not (given.isascii() and given.isdigit() and len(given) < DIGITS):
        raise Problem(LENGTH_REQUIRED, "Send the length of the body in Content-Length.")
    return int(given)


def _too_large(limit: int) -> Problem:
    return Problem(
        TOO_LARGE,
        f"This TOM takes bodies of up to {limit:,} bytes, unpacked; send less.",
    )


def _unpacked(data: bytes, limit: int) -> bytes:
    """Unpack no more than the limit, whatever there is."""
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        found = unpacker.decompress(data, limit + 1)
    except zlib.error as error:
        raise Problem(MALFORMED, "The body is not packed as gzip has it.") from error
    if len(found) > limit:
        raise _too_large(limit)
    if not unpacker.eof or unpacker.unused_data:
        raise Problem(MALFORMED, "The body is not one whole gzip stream.")
    return found


def parsed(data: bytes) -> Any:
    """Return what a body says in strict JSON.

    A number too large for a float becomes infinity, for the reader of its column to
    refuse: one such number is no reason to refuse all that comes with it.
    """
    values = data.count(b",") + data.count(b"[") + data.count(b"{")
    if values > conf.settings().BODY_LIMIT // BYTES_PER_VALUE:
        raise Problem(TOO_LARGE, "The body has too many parts; send less at a time.")
    try:
        return json.loads(
            data.decode("utf-8"),
            parse_int=_whole,
            parse_constant=_no_number,
            object_pairs_hook=_object,
        )
    except UnicodeDecodeError as error:
        raise Problem(MALFORMED, "The body is not encoded in UTF-8.") from error
    except RecursionError as error:
        raise Problem(MALFORMED, "The body is nested too deeply.") from error
    except ValueError as error:
        raise Problem(MALFORMED, "The body is not JSON.") from error


def _whole(text: str) -> float:
    return int(text) if len(text) <= DIGITS else float(text)


def _no_number(name: str) -> NoReturn:
    raise Problem(MALFORMED, f"{name} is no number of JSON.")


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a name that comes twice: readers differ in which of the two counts."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Problem(MALFORMED, "The body has an object with the same name twice.")
    return found


class AccountRate(SimpleRateThrottle):
    """So many requests of one account in a time, as RATE_LIMIT says at the moment."""

    scope = "tom-share"

    def get_rate(self) -> str | None:
        """Return the rate, or None where there is no limit."""
        return conf.settings().RATE_LIMIT

    def allow_request(self, request: Request, view: Any) -> bool:
        """Say whether it may pass; while the cache is away nothing is counted."""
        try:
            return bool(super().allow_request(request, view))
        except Exception:  # of whatever cache this TOM has
            logger.exception(
                "Requests of other TOMs are not counted.", extra=fields(Action.RECEIVE)
            )
            return True

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        """Return what counts together; nobody's requests are not counted."""
        account = request.user.pk if request.user.is_authenticated else None
        if account is None:
            return None
        return self.cache_format % {"scope": self.scope, "ident": account}
