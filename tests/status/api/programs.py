"""A person's program that speaks to the REST API with a token, as users have them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from rest_framework.authtoken.models import Token


class Program:
    """Asks the API as one person; without one, as nobody."""

    def __init__(self, person: User | None = None) -> None:
        self._headers: dict[str, str] = {}
        if person is not None:
            token = Token.objects.get_or_create(user=person)[0]
            self._headers["Authorization"] = f"Token {token.key}"
        self._client = Client()

    def get(self, path: str, **query: Any) -> Any:
        """Ask for something."""
        return self._client.get(f"/api/{path}", query, headers=self._headers)

    def post(self, path: str, body: Any = None, key: str = "") -> Any:
        """Send JSON, with an Idempotency-Key if given."""
        more = {"Idempotency-Key": key} if key else {}
        return self._client.post(
            f"/api/{path}",
            {} if body is None else body,
            content_type="application/json",
            headers=self._headers | more,
        )

    def share(self, **body: Any) -> Any:
        """Ask for a share with the partner, or whom the body names."""
        return self.post("shares/", {"destination": "partner"} | body)
