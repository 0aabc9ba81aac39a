"""A conversation with one server: requests with one account, each reported.

Used by destinations directly, and by `session`, which knows the accounts of TOMs.
"""

from __future__ import annotations

from typing import Any, Protocol

from tom_share_worker.conf import DestinationSettings
from tom_share_worker.delivery.destinations.http import Answer, Client, Unreachable
from tom_share_worker.delivery.destinations.pace import Pace
from tom_share_worker.delivery.outcomes import Halted, TryAgain
from tom_share_worker.models import Failure


class Listener(Protocol):
    """Who hears what is asked and answered: the progress of a delivery, or a test."""

    def heard(self, request: str, status_code: int | None, answer: str) -> None:
        """Take the last request and its answer, clean of secrets."""

    def keep_going(self) -> bool:
        """Return False when the conversation must end."""


def client_of(settings: DestinationSettings, listener: Listener) -> Client:
    """Return a client that keeps the pace which the destination is to have."""
    pace = Pace(settings, listener.keep_going)
    return Client(settings.base_url, settings.verify, pace.wait)


class NoAnswer(Halted):
    """Ends a conversation in which no whole answer came to a request."""

    def __init__(self, outcome: TryAgain, why: Unreachable) -> None:
        super().__init__(outcome)
        self.why = why


class Talk:
    """Requests to a server on behalf of one delivery."""

    def __init__(
        self,
        settings: DestinationSettings,
        listener: Listener,
        authorization: str = "",
        client: Client | None = None,
    ) -> None:
        self.name = settings.display_name
        self._client = client or client_of(settings, listener)
        self._listener = listener
        self._authorization = authorization
        self._secrets = {*settings.secrets, authorization.partition(" ")[2]}

    def request(
        self, method: str, path: str, *, personal: bool = False, **what: Any
    ) -> Answer:
        """Make a request and report it; halt where no whole answer comes.

        `what` is params, body, content, stream or headers, as the client takes them. A
        `personal` answer, such as a profile, is not kept: rows are for many eyes.
        """
        try:
            answer = self._client.request(
                method, path, authorization=self._authorization, **what
            )
        except Unreachable as unreachable:
            raise self.unreachable(method, path, unreachable) from unreachable
        answer = answer.without(self._secrets)
        kept = "" if personal else answer.text()
        self._listener.heard(answer.request, answer.status, kept)
        return answer

    def unreachable(self, method: str, path: str, why: Unreachable) -> NoAnswer:
        """Report a request without an answer; return what ends the conversation."""
        self._listener.heard(f"{method} {self._client.base_url}{path}", None, "")
        outcome = TryAgain(
            Failure.DESTINATION_DOWN,
            f"{self.name} could not be reached: {why}.",
            destination_wide=True,
        )
        return NoAnswer(outcome, why)
