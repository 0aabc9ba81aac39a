"""A conversation with one server: requests with one account, each reported.

For destinations that are no TOMs; `session` is the same for TOMs, with their accounts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from tom_share_worker.conf import DestinationSettings
from tom_share_worker.delivery.destinations.http import Answer, Client, Unreachable
from tom_share_worker.delivery.outcomes import Halted, TryAgain
from tom_share_worker.models import Failure


class Listener(Protocol):
    """Who hears what is asked and answered: the progress of a delivery, or a test."""

    def heard(self, request: str, status_code: int | None, answer: str) -> None:
        """Take the last request and its answer, clean of secrets."""


class Talk:
    """Requests to a server on behalf of one delivery."""

    def __init__(
        self,
        settings: DestinationSettings,
        listener: Listener,
        authorization: str = "",
        secrets: Iterable[str] = (),
    ) -> None:
        self.name = settings.display_name
        self._client = Client(settings.base_url, settings.verify)
        self._listener = listener
        self._authorization = authorization
        self._secrets = {*settings.secrets, *secrets}

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        personal: bool = False,
    ) -> Answer:
        """Make a request and report it; halt where no whole answer comes.

        A `personal` answer, such as a profile, is not kept: rows are for many eyes.
        """
        try:
            answer = self._client.request(
                method,
                path,
                params=params,
                body=body,
                authorization=self._authorization,
            )
        except Unreachable as unreachable:
            self._listener.heard(f"{method} {self._client.base_url}{path}", None, "")
            raise Halted(
                TryAgain(
                    Failure.DESTINATION_DOWN,
                    f"{self.name} could not be reached: {unreachable}.",
                    destination_wide=True,
                )
            ) from unreachable
        answer = answer.without(self._secrets)
        kept = "" if personal else answer.text()
        self._listener.heard(answer.request, answer.status, kept)
        return answer
