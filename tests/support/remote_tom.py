"""A scriptable remote TOM: a real HTTP server that speaks a TOM's REST API.

Tests start one, give its `entry` to DATA_SHARING, script troubles by method and path
with `on`, and read from `store` what arrived and from `requests` what was asked. What
it answers when it behaves is written in `remote_store`, its troubles in `misbehaviour`.
"""

from __future__ import annotations

import base64
import sys
from typing import Any

from tests.support.remote_http import TomHandler
from tests.support.remote_peer import Peer
from tests.support.remote_releases import V3_1, Release
from tests.support.remote_server import RemoteServer
from tests.support.remote_store import Store

USERNAME, PASSWORD = "survey-tom", "a password: ünïcode"


class RemoteTom(RemoteServer):
    """A remote TOM in this process. Use as a context manager."""

    handler = TomHandler

    def __init__(
        self,
        *,
        takes_tokens: bool | None = None,
        trades: bool = True,
        release: Release = V3_1,
    ) -> None:
        self.release = release
        self.store = Store(release)
        self.tokens: set[str] = set()
        self.takes_tokens = (
            release.takes_tokens if takes_tokens is None else takes_tokens
        )
        self.trades = trades
        self.peer: Peer | None = None
        super().__init__()
        _forget_earlier(self.url)

    def speak(self, **limits: Any) -> Peer:
        """Run this app, too, from now on: speak its protocol."""
        self.peer = Peer(self.store, self.url, **limits)
        return self.peer

    # --- its accounts -----------------------------------------------------------

    def entry(self, **more: Any) -> dict[str, Any]:
        """Return the entry of DATA_SHARING that names this remote."""
        return {
            "DISPLAY_NAME": "Remote TOM",
            "BASE_URL": self.url,
            "USERNAME": USERNAME,
            "PASSWORD": PASSWORD,
        } | more

    def account_of(self, authorization: str) -> str | None:
        """Return who makes a request: a name, '' for nobody, None when refused."""
        scheme, _, credentials = authorization.partition(" ")
        if scheme == "Token" and self.takes_tokens:
            return USERNAME if credentials in self.tokens else None
        if scheme == "Basic":
            pair = f"{USERNAME}:{PASSWORD}".encode()
            good = base64.b64encode(pair).decode() == credentials
            return USERNAME if good else None
        return ""

    def trade(self, body: dict[str, str]) -> tuple[int, Any]:
        """Answer `POST /api/token-auth/`."""
        if not self.trades:
            return 403, {"detail": "This endpoint is disabled."}
        if (body.get("username"), body.get("password")) != (USERNAME, PASSWORD):
            words = "Unable to log in with provided credentials."
            return 400, {"non_field_errors": [words]}
        token = f"token-{len(self.requests):034d}"
        self.tokens.add(token)
        return 200, {"token": token}


def _forget_earlier(url: str) -> None:
    """Forget what this process knows of an earlier server at the same address.

    Thousands of them take turns in one run, and ports come again: a token or an id of
    the one before would go to this one. Benchmarks run remotes without the app.
    """
    rooms = "tom_share_worker.delivery.destinations.tom"
    if accounts := sys.modules.get(f"{rooms}.accounts"):
        known = accounts.accounts._headers
        for settings in [one for one in known if one.base_url == url]:
            known.pop(settings, None)
    if finding := sys.modules.get(f"{rooms}.finding"):
        for seen in [one for one in finding._seen if one[0] == url]:
            finding._seen.pop(seen, None)
    if lists := sys.modules.get(f"{rooms}.lists"):
        lists._known.difference_update([one for one in lists._known if one[0] == url])
