"""How we prove who we are to a TOM: a token wherever it takes one.

Checking a password costs the other TOM half a second of CPU a request, so it is
traded once for a token. Kept in this process's memory only, never in a row.
"""

from __future__ import annotations

import threading
from http import HTTPStatus

from tom_share_worker.conf import DestinationSettings
from tom_share_worker.delivery.destinations import cleaning, verdicts
from tom_share_worker.delivery.destinations.http import Answer, Client
from tom_share_worker.delivery.outcomes import Blocked, Halted, Refused
from tom_share_worker.models import Failure

_NO_TOKEN = "0" * 40
"""A token that no TOM can have given: who refuses it, takes tokens."""

_PROBE = "api/targets/"


class Accounts:
    """The authorization headers of this process, one per destination and account."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[DestinationSettings, threading.Lock] = {}
        self._headers: dict[DestinationSettings, str] = {}

    def authorization(self, settings: DestinationSettings, client: Client) -> str:
        """Return the header to send, after asking the TOM once what it takes."""
        with self._lock:
            lock = self._locks.setdefault(settings, threading.Lock())
        # One thread asks, the others wait: a trade costs the other side half a second.
        with lock:
            if settings not in self._headers:
                self._headers[settings] = _choose(settings, client)
            return self._headers[settings]

    def forget(self, settings: DestinationSettings, authorization: str) -> None:
        """Drop a header that was refused, unless another thread has a newer one."""
        with self._lock:
            if self._headers.get(settings) == authorization:
                del self._headers[settings]


accounts = Accounts()


def _choose(settings: DestinationSettings, client: Client) -> str:
    takes_tokens = _takes_tokens(settings, client)
    if settings.api_token and takes_tokens:
        return f"Token {settings.api_token}"
    if not (settings.username and settings.password):
        raise Halted(
            Refused(
                Failure.BAD_CONFIGURATION,
                f"{settings.display_name} takes no API tokens (its TOM Toolkit is "
                f"older than 3.0). Put USERNAME and PASSWORD into DATA_SHARING.",
            )
        )
    if takes_tokens and (token := _trade(settings, client)):
        return f"Token {token}"
    return f"Basic {settings.basic}"


def _takes_tokens(settings: DestinationSettings, client: Client) -> bool:
    """Ask with a token nobody has: a TOM that takes tokens refuses it, others do not
    look at it and answer as to anybody."""
    answer = client.request(
        "GET", _PROBE, params={"limit": "1"}, authorization=f"Token {_NO_TOKEN}"
    )
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return True
    if answer.status == HTTPStatus.FORBIDDEN:
        # A locked site refuses before it looks at the account; the real request tells.
        return bool(settings.api_token)
    _halt_on(answer, settings)
    return False


def _trade(settings: DestinationSettings, client: Client) -> str | None:
    """Trade the password for a token; None where this TOM does not trade."""
    answer = client.request(
        "POST",
        "api/token-auth/",
        body={"username": settings.username, "password": settings.password},
    )
    body = answer.json()
    if answer.status == HTTPStatus.OK and isinstance(body, dict) and body.get("token"):
        cleaning.remember(str(body["token"]))
        return str(body["token"])
    answer = answer.without(settings.secrets)
    if answer.status == HTTPStatus.BAD_REQUEST and isinstance(body, dict):
        why = verdicts.words(answer.json())
        raise Halted(Blocked(f"{settings.display_name} refused our account: {why}."))
    if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        # No such page, or tokens only after two-factor login: the password may do.
        return None
    _halt_on(answer, settings)
    return None


def _halt_on(answer: Answer, settings: DestinationSettings) -> None:
    told = answer.without(settings.secrets)
    outcome = verdicts.trouble(told, settings.display_name)
    if outcome is not None:
        raise Halted(outcome)
