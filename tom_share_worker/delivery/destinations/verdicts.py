"""What an answer of a TOM means: pure functions of the answer, no request, no row.

The table behind it was measured on running TOMs; `docs/how-it-works.md` has it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin, urlsplit

from tom_share_worker.delivery.destinations.http import Answer
from tom_share_worker.delivery.outcomes import Blocked, Outcome, Refused, TryAgain
from tom_share_worker.models import Failure

_WORDS_LIMIT = 500


def trouble(answer: Answer, name: str) -> Outcome | None:
    """Return what is wrong with an answer, or None where it is a success with JSON."""
    status = answer.status
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return None if answer.json() is not None else _not_json(name)
    if status < HTTPStatus.BAD_REQUEST:
        return _redirect(answer, name)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _server_error(answer, name)
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return Blocked(f"{name} refused our account{_because(answer)}.")
        case HTTPStatus.FORBIDDEN:
            return Refused(
                Failure.PERMISSION_MISSING,
                f"{name} does not allow this to our account{_because(answer)}.",
            )
        case HTTPStatus.NOT_FOUND | HTTPStatus.METHOD_NOT_ALLOWED | HTTPStatus.GONE:
            return _not_found(answer, name)
        case (
            HTTPStatus.REQUEST_TIMEOUT
            | HTTPStatus.TOO_EARLY
            | HTTPStatus.TOO_MANY_REQUESTS
        ):
            return TryAgain(
                Failure.DESTINATION_DOWN,
                f"{name} asked us to come back later (HTTP {status}).",
                destination_wide=True,
                retry_after=retry_after(answer),
            )
    return Refused(
        Failure.REFUSED_DATA,
        f"{name} refused it (HTTP {status}){_because(answer)}.",
    )


def _not_json(name: str) -> TryAgain:
    return TryAgain(
        Failure.DESTINATION_DOWN,
        f"{name} answered with something that is not the answer of a TOM's API, "
        f"perhaps a maintenance page.",
        destination_wide=True,
    )


def _redirect(answer: Answer, name: str) -> Outcome:
    location = answer.headers.get("Location", "")
    if "login" in location:
        return Blocked(f"{name} sent us to its login page: our account is refused.")
    where = _goal(answer.request.split(" ", 1)[-1], location)
    if answer.status in (HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.PERMANENT_REDIRECT):
        return Refused(
            Failure.BAD_CONFIGURATION,
            f"{name} has moved: it redirects to {where}. Put the final address into "
            f"BASE_URL in DATA_SHARING.",
        )
    return TryAgain(
        Failure.DESTINATION_DOWN,
        f"{name} redirects to {where} at present; nothing was sent there.",
        destination_wide=True,
    )


def _goal(address: str, location: str) -> str:
    """Return the site a redirect leads to; its path may hold what is not for pages."""
    try:
        goal = urlsplit(urljoin(address, location))
        port = f":{goal.port}" if goal.port else ""
    except ValueError:
        return "a malformed address"
    # Not the whole of it, either: before the host's name there may be an account.
    host = f"[{goal.hostname}]" if ":" in (goal.hostname or "") else goal.hostname
    return f"{goal.scheme}://{host}{port}" if host else "another address"


def _server_error(answer: Answer, name: str) -> Outcome:
    body = answer.json()
    if isinstance(body, dict) and "Data processing error" in body:
        return Refused(
            Failure.REFUSED_DATA,
            f"{name} received the file, could not read the data in it, and deleted it "
            f"again. Check that the file has the format of its data product type. (A "
            f"TOM that shows data to groups only fails so with every file.)",
        )
    if answer.status in (HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.NOT_IMPLEMENTED):
        return TryAgain(
            Failure.DESTINATION_DOWN,
            f"{name} failed with an internal error (HTTP {answer.status}).",
        )
    return TryAgain(
        Failure.DESTINATION_DOWN,
        f"{name} is overloaded or down for maintenance (HTTP {answer.status}).",
        destination_wide=True,
        retry_after=retry_after(answer),
    )


def _not_found(answer: Answer, name: str) -> Refused:
    if answer.json() is not None:
        return Refused(
            Failure.PERMISSION_MISSING,
            f"{name} does not let our account see this{_because(answer)}.",
        )
    return Refused(
        Failure.BAD_CONFIGURATION,
        f"{name} has no API of a TOM at this address (HTTP {answer.status}). Check "
        f"BASE_URL in DATA_SHARING.",
    )


def retry_after(answer: Answer) -> float | None:
    """Return the seconds of a Retry-After header, given as a number or as a date."""
    value = answer.headers.get("Retry-After", "").strip()
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def words(body: Any) -> str:
    """Return the sentences in an API's error body, whatever its nesting."""
    if isinstance(body, dict):
        parts = []
        for key, value in body.items():
            inner = words(value)
            anonymous = key in {"detail", "non_field_errors"}
            parts.append(inner if anonymous else f"{key}: {inner}")
        return "; ".join(part for part in parts if part)[:_WORDS_LIMIT]
    if isinstance(body, list):
        return "; ".join(filter(None, map(words, body)))[:_WORDS_LIMIT]
    return str(body).strip().rstrip(".")[:_WORDS_LIMIT] if body is not None else ""


def says_invalid_target(answer: Answer) -> bool:
    """True if the id we used for a target is not one our account may write to."""
    body = answer.json()
    return (
        answer.status == HTTPStatus.BAD_REQUEST
        and isinstance(body, dict)
        and "Invalid pk" in words(body.get("target"))
    )


def _because(answer: Answer) -> str:
    said = words(answer.json())
    return f": {said}" if said else ""
