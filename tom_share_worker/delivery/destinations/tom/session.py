"""A conversation with one TOM: requests with our account, each reported.

Between the bare HTTP client and the conversations in `tom` and `datums`; trouble of any
kind ends a conversation by raising `Halted`.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from tom_share_worker.conf import DestinationSettings
from tom_share_worker.delivery.destinations import verdicts
from tom_share_worker.delivery.destinations.base import Progress
from tom_share_worker.delivery.destinations.http import Answer, Unreachable
from tom_share_worker.delivery.destinations.multipart import Multipart
from tom_share_worker.delivery.destinations.talk import Talk, client_of
from tom_share_worker.delivery.destinations.tom.accounts import accounts
from tom_share_worker.delivery.outcomes import Halted, Outcome, TryAgain
from tom_share_worker.models import Failure


class Session:
    """Requests to a TOM on behalf of one delivery."""

    def __init__(self, settings: DestinationSettings, progress: Progress) -> None:
        self.settings = settings
        self.name = settings.display_name
        self._progress = progress
        self._client = client_of(settings, progress)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make a request with our account; once more with a new token if it expired."""
        what = {"params": params, "body": body, "content": content, "headers": headers}
        answer, authorization = self._once(method, path, **what)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            accounts.forget(self.settings, authorization)
            if self.settings.api_token is None:
                answer, authorization = self._once(method, path, **what)
                if answer.status == HTTPStatus.UNAUTHORIZED:
                    accounts.forget(self.settings, authorization)
        return answer

    def upload(
        self, path: str, body: Multipart, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a streamed body; a token that is refused is not used again."""
        headers = {"Content-Type": body.content_type, **(headers or {})}
        answer, authorization = self._once("POST", path, stream=body, headers=headers)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            accounts.forget(self.settings, authorization)
        return answer

    def keep_going(self) -> bool:
        """Return False when the conversation must end."""
        return self._progress.keep_going()

    def halt_on_trouble(self, answer: Answer) -> None:
        """End the conversation unless the answer is a success."""
        outcome = verdicts.trouble(answer, self.name)
        if outcome is not None:
            raise Halted(outcome)

    def id_in(self, answer: Answer) -> str:
        """Return the id of what was created; halt where the answer has none."""
        body = answer.json()
        if not isinstance(body, dict) or body.get("id") is None:
            raise Halted(self.nonsense())
        return str(body["id"])

    def nonsense(self) -> Outcome:
        """Return the outcome for JSON that is not what TOM Toolkit answers."""
        return TryAgain(
            Failure.DESTINATION_DOWN,
            f"{self.name} answered with something that is not the answer of a TOM.",
            destination_wide=True,
        )

    def _once(self, method: str, path: str, **what: Any) -> tuple[Answer, str]:
        try:
            authorization = accounts.authorization(self.settings, self._client)
        except Unreachable as unreachable:
            talk = Talk(self.settings, self._progress, client=self._client)
            raise talk.unreachable(method, path, unreachable) from unreachable
        talk = Talk(self.settings, self._progress, authorization, self._client)
        return talk.request(method, path, **what), authorization
