"""A scriptable Hermes: a real HTTP server that answers as Hermes does.

What it publishes appears in its archive at once, or when `show_archive` says so, as the
archive of the streams lags behind.
"""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.support import hermes_rules
from tests.support.misbehaviour import HTML, PAGE, Reply
from tests.support.remote_http import Handler
from tests.support.remote_server import RemoteServer

KEY = "hermes-key-0123456789"
TOPIC = "survey.test"

SUBMIT = ("POST", "/api/v0/submit_message/")
ARCHIVE = ("GET", "/api/v0/query/")
PROFILE = ("GET", "/api/v0/profile/")

NO_CREDENTIAL = (
    "User account does not have an associated SCIMMA auth credential. Please logout "
    "and log back in."
)


@dataclass
class Published:
    """A message that went out to the streams."""

    uuid: str
    message: dict[str, Any]
    time: float = field(default_factory=time.time)

    def listed(self) -> dict[str, Any]:
        """Return it as the archive lists it, without its content."""
        return {
            "metadata": {
                "topic": self.message["topic"],
                "timestamp": int(self.time * 1000),
            },
            "annotations": {
                "con_text_uuid": self.uuid,
                "title": self.message["title"],
                "sender": "survey-credential",
            },
        }


class HermesHandler(Handler):
    """One connection to Hermes."""

    @property
    def hermes(self) -> RemoteHermes:
        hermes: RemoteHermes = self.server.remote  # type: ignore[attr-defined]
        return hermes

    def act(self) -> Reply:
        """Do what was asked for; return the answer that is due."""
        given = self.headers.get("Authorization", "")
        known = given.removeprefix("Token ") in self.hermes.keys
        if given and not known:
            # Not 401: its first way of authentication is the session of a browser.
            return Reply.of(403, {"detail": "Invalid token."})
        return self._route(known)

    def _route(self, known: bool) -> Reply:
        asked, hermes = self.asked, self.hermes
        match asked.method, asked.path.strip("/").split("/")[2:]:
            case "GET", ["profile"]:
                return Reply.of(200, hermes.profile()) if known else _anonymous()
            case "POST", ["submit_message", "validate"]:
                return Reply.of(200, hermes_rules.errors(json.loads(asked.body)))
            case "POST", ["submit_message"]:
                return hermes.submit(json.loads(asked.body), known)
            case "GET", ["query"] if not hermes.is_old:
                return Reply.of(200, hermes.archive(asked.query))
            case "GET", ["query", "message", which] if not hermes.is_old:
                return hermes.show(which)
            case "GET", ["messages"]:
                return Reply.of(200, hermes.table(asked.query))
        return Reply(404, PAGE.encode(), HTML)


def _anonymous() -> Reply:
    return Reply.of(403, {"detail": "Authentication credentials were not provided."})


class RemoteHermes(RemoteServer):
    """A Hermes in this process. Use as a context manager."""

    handler = HermesHandler

    def __init__(self, *, is_old: bool = False) -> None:
        self.is_old = is_old
        """From before November 2025, when it kept a table of messages itself."""
        self.keys = {KEY}
        self.writable = [TOPIC, "hermes.test"]
        self.published: list[Published] = []
        self.page_size = 100
        self._hidden = False
        super().__init__()

    def entry(self, **more: Any) -> dict[str, Any]:
        """Return the entry of DATA_SHARING that names this Hermes."""
        return {
            "DISPLAY_NAME": "Hermes",
            "BASE_URL": self.url,
            "HERMES_API_KEY": KEY,
            "USER_TOPICS": [TOPIC, "survey.private"],
            "ARCHIVE_DELAY": 0,
        } | more

    def hide_archive(self) -> None:
        """Let the archive lag behind: nothing appears until `show_archive`."""
        self._hidden = True

    def show_archive(self) -> None:
        """Let everything appear in the archive."""
        self._hidden = False

    @property
    def messages(self) -> list[dict[str, Any]]:
        """Return what was published, in order."""
        return [published.message for published in self.published]

    @property
    def posted(self) -> int:
        """Return how often publishing was asked for."""
        path = SUBMIT[1]
        return len([r for r in self.asked(*SUBMIT) if r.path == path])

    # --- what it answers ----------------------------------------------------------

    def profile(self) -> dict[str, Any]:
        """Return the profile of our account, with its own key, as Hermes does."""
        return {
            "api_token": KEY,
            "email": "someone@survey.example",
            "credential_name": "survey-credential",
            "writable_topics": self.writable,
        }

    def submit(self, message: dict[str, Any], known: bool) -> Reply:
        """Publish a message, or say why not."""
        wrong = hermes_rules.errors(message)
        if wrong:
            return Reply.of(400, wrong)
        if not known:
            return Reply.of(200, {"error": NO_CREDENTIAL})
        made = Published(str(uuid.uuid4()), message)
        with self.lock:
            self.published.append(made)
        return Reply.of(200, message | {"uuid": made.uuid})

    def archive(self, query: dict[str, str]) -> dict[str, Any]:
        """List messages of a topic, newest first, page by page."""
        since = datetime.fromisoformat(query["start"]).timestamp()
        found = [
            published.listed()
            for published in reversed(self._visible())
            if published.message["topic"] == query["topic"] and published.time >= since
        ]
        size = min(int(query["limit"]), self.page_size)
        first = int(query.get("page", 0))
        more = str(first + size) if first + size < len(found) else None
        return {"messages": found[first : first + size], "next": more, "prev": None}

    def show(self, which: str) -> Reply:
        """Show one message of the archive."""
        for published in self._visible():
            if published.uuid == which:
                return Reply.of(
                    200, published.listed() | {"message": published.message}
                )
        return Reply.of(404, {"error": "404 Client Error: Not Found"})

    def table(self, query: dict[str, str]) -> dict[str, Any]:
        """List messages as the old Hermes does; a new one lists bare ids."""
        found: list[dict[str, Any]] = [
            {"id": number, "uuid": published.uuid}
            | (published.message if self.is_old else {})
            for number, published in enumerate(self._visible(), 1)
        ]
        if self.is_old:
            found = [row for row in found if row["topic"] == query["topic_exact"]]
        return {"count": len(found), "next": None, "previous": None, "results": found}

    def _visible(self) -> list[Published]:
        return [] if self._hidden else list(self.published)
