"""Refusals of the addresses for other TOMs: problem details, as RFC 9457 has them.

Raised by `limits` and `peers`. `answer` is the exception handler of their views: what
the REST framework or Django refuses by itself leaves them in the same form.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.db import OperationalError
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import set_rollback

MEDIA_TYPE = "application/problem+json"
PREFIX = "urn:tom-share:problem:"


class Kind(NamedTuple):
    """One kind of refusal: its name in the protocol, its status, its title."""

    name: str
    status: int
    title: str

    @property
    def type(self) -> str:
        """Return the address by which programs know it."""
        return PREFIX + self.name


MALFORMED = Kind("malformed", 400, "The request cannot be understood")
NOT_SUPPORTED = Kind("not-supported", 400, "This version is not supported")
NOT_AUTHENTICATED = Kind("not-authenticated", 401, "An account is needed")
UNKNOWN_TARGET = Kind("unknown-target", 404, "There is no such target")
NOT_FOUND = Kind("not-found", 404, "There is nothing here")
METHOD = Kind("method-not-allowed", 405, "This address does not do that")
RUNNING = Kind("running", 409, "The same request is being dealt with")
LENGTH_REQUIRED = Kind("length-required", 411, "The length of the body is missing")
TOO_LARGE = Kind("too-large", 413, "The request is too large")
MEDIA = Kind("media-type", 415, "The body is not of a kind that is taken here")
KEY_REUSED = Kind("key-reused", 422, "The key came with another request before")
TOO_MANY = Kind("too-many-requests", 429, "Too many requests")
UNAVAILABLE = Kind("unavailable", 503, "The database is busy")

KINDS = (
    *(MALFORMED, NOT_SUPPORTED, NOT_AUTHENTICATED, UNKNOWN_TARGET, NOT_FOUND, METHOD),
    *(RUNNING, LENGTH_REQUIRED, TOO_LARGE, MEDIA, KEY_REUSED, TOO_MANY, UNAVAILABLE),
)
"""All kinds of the protocol; docs/protocol.md lists them."""

_OF_STATUS = {
    401: NOT_AUTHENTICATED,
    403: NOT_AUTHENTICATED,
    404: NOT_FOUND,
    405: METHOD,
    413: TOO_LARGE,
    415: MEDIA,
    429: TOO_MANY,
}
"""What the framework's own refusals are called here; all others are `malformed`."""

BUSY = 5
"""Seconds after which a busy database is worth another try."""


class Problem(Exception):  # noqa: N818  (the word of RFC 9457)
    """A refusal, with a sentence that says what is wrong."""

    def __init__(
        self, kind: Kind, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.status = kind.status
        self.headers = dict(headers or {})


def answer(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Return the answer to a refusal; None for what is a fault of this TOM."""
    problem = error if isinstance(error, Problem) else _as_problem(error)
    if problem is None:
        return None
    set_rollback()
    return Response(
        {
            "type": problem.kind.type,
            "title": problem.kind.title,
            "status": problem.status,
            "detail": problem.detail,
        },
        status=problem.status,
        headers=problem.headers,
        content_type=MEDIA_TYPE,
    )


def _as_problem(error: Exception) -> Problem | None:
    """Return what Django or the REST framework refused as a problem."""
    match error:
        case APIException():
            return _of_framework(error)
        case Http404():
            return Problem(NOT_FOUND, "There is nothing at this address.")
        case PermissionDenied():
            return _of_framework(exceptions.PermissionDenied())
        case RequestDataTooBig():
            return Problem(TOO_LARGE, "The body is larger than this TOM takes.")
        case SuspiciousOperation() | UnreadablePostError():
            return Problem(MALFORMED, "The body of the request cannot be read.")
        case OperationalError():
            return Problem(
                UNAVAILABLE,
                "The database of this TOM cannot take this now. Try again later.",
                {"Retry-After": str(BUSY)},
            )
    return None


def _of_framework(error: APIException) -> Problem:
    problem = Problem(_OF_STATUS.get(error.status_code, MALFORMED), str(error.detail))
    problem.status = error.status_code
    if header := getattr(error, "auth_header", None):
        problem.headers["WWW-Authenticate"] = header
    if (wait := getattr(error, "wait", None)) is not None:
        problem.headers["Retry-After"] = f"{wait:.0f}"
    return problem
