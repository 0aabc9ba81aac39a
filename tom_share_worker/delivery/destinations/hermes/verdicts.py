"""What an answer of Hermes means: pure functions of the answer, no request, no row."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from tom_share_worker.delivery.destinations import verdicts
from tom_share_worker.delivery.destinations.hermes.draft import words
from tom_share_worker.delivery.destinations.http import Answer
from tom_share_worker.delivery.message import EarlierAttempt
from tom_share_worker.delivery.outcomes import Blocked, Outcome, Refused, TryAgain
from tom_share_worker.models import Attempt, Failure

PROFILE = "api/v0/profile/"
SUBMIT = "api/v0/submit_message/"

_AS_OF_A_TOM = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
}
"""Answers that mean with any server what they mean with a TOM."""


def trouble(answer: Answer, name: str, own_key: bool = False) -> Outcome | None:
    """Return what is wrong with an answer, or None where it is JSON to be read.

    An answer 400 is left to who asked. Hermes says 403, not 401, to a key it does not
    know.
    """
    status = answer.status
    if status == HTTPStatus.BAD_REQUEST and answer.json() is not None:
        return None
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return None if answer.json() is not None else _not_json(name)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return key_refused(answer, name, own_key)
    if (
        status in _AS_OF_A_TOM
        or status < HTTPStatus.BAD_REQUEST
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    ):
        return verdicts.trouble(answer, name)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return Refused(
            Failure.REFUSED_DATA, f"The message is larger than {name} takes."
        )
    return Refused(
        Failure.BAD_CONFIGURATION,
        f"{name} has no API of Hermes at this address (HTTP {status}). Check BASE_URL "
        f"in DATA_SHARING.",
    )


def key_refused(answer: Answer, name: str, own_key: bool) -> Outcome:
    """Return what follows from a refused key.

    That of the TOM pauses the destination for all; a person's own concerns nobody else.
    """
    said = words(answer.json())
    because = f": {said}" if said else ""
    if own_key:
        return Refused(
            Failure.CREDENTIALS_REFUSED,
            f"{name} refused your own API key{because}. Correct it on your profile "
            f"page of this TOM, then press Retry.",
        )
    return Blocked(
        f"{name} refused our API key{because}. HERMES_API_KEY in DATA_SHARING must be "
        f"the API token that the profile page of Hermes shows."
    )


def published(answer: Answer, name: str, own_key: bool) -> str | Outcome:
    """Return the uuid under which a message was published, or what is wrong."""
    wrong = trouble(answer, name, own_key)
    if wrong is not None:
        return wrong
    said: Any = answer.json()
    error = str(said.get("error") or "") if isinstance(said, dict) else ""
    if answer.status == HTTPStatus.BAD_REQUEST:
        return _not_published(said, error, name)
    if error:
        if "credential" in error.lower():
            return key_refused(answer, name, own_key)
        return TryAgain(
            Failure.DESTINATION_DOWN, f"{name} did not publish the message: {error}"
        )
    if not isinstance(said, dict) or not said.get("uuid"):
        return _not_json(name)
    return str(said["uuid"])


def _not_published(said: Any, error: str, name: str) -> Outcome:
    if not error:
        return Refused(
            Failure.REFUSED_DATA, f"{name} did not accept the message: {words(said)}."
        )
    if "authorization" in error.lower():
        return Refused(
            Failure.PERMISSION_MISSING,
            f"{name} does not let our account publish to this topic: {error}.",
        )
    if _is_about_streams(error):
        return TryAgain(
            Failure.DESTINATION_DOWN,
            f"{name} could not pass the message on to its streams: {error}.",
        )
    return Refused(
        Failure.REFUSED_DATA, f"{name} did not publish the message: {error}."
    )


def may_have_published(earlier: EarlierAttempt) -> bool:
    """True if the message of an earlier attempt may be out, for all we know.

    Its worker was lost; or it was asked for and no clear answer came. Hermes' word that
    passing it on failed is no clear one: it may have failed after the fact.
    """
    if earlier.was_lost:
        return True
    if earlier.outcome == Attempt.Outcome.DELIVERED:
        return False  # it is out; what is sent now is what it left behind
    if not earlier.request.endswith(SUBMIT):
        return False
    status = earlier.status_code
    if status == HTTPStatus.BAD_REQUEST:
        return _is_about_streams(earlier.answer)
    if status is not None and status < HTTPStatus.MULTIPLE_CHOICES:
        return not earlier.answer.startswith('{"error"')
    return (
        status is None
        or status == HTTPStatus.REQUEST_TIMEOUT
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    )


def _is_about_streams(error: str) -> bool:
    return "kafka" in error.lower() or "hop client" in error.lower()


def _not_json(name: str) -> TryAgain:
    return TryAgain(
        Failure.DESTINATION_DOWN,
        f"{name} answered with something that is not the answer of Hermes, perhaps a "
        f"maintenance page.",
        destination_wide=True,
    )
