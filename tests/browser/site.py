"""The TOM under test as a web site, and the people who come to it.

`Site` starts the web server and, where a test needs it, a worker; the fixture `site`
closes all of it.
"""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser

from tests.browser import outside
from tests.browser.person import Person
from tests.support.processes import WebServer
from tests.support.toms import Tom

BOOTSTRAP = {"javascript_url": {"url": outside.SCRIPT}}
"""The setting BOOTSTRAP5, as the host's hash is of another file than ours."""


class Site:
    """One TOM in the browser."""

    def __init__(self, tom: Tom, browser: Browser) -> None:
        self.tom = tom
        self._browser = browser
        self._server: WebServer | None = None
        self._people: list[Person] = []
        self._dark = False

    def serve(self, *, dark: bool = False) -> None:
        """Start the web server, with the settings that the TOM has now."""
        self._dark = dark
        look = {"TOM_BOOTSTRAP5": json.dumps(BOOTSTRAP)}
        look["TOM_THEME"] = "dark" if dark else ""
        env = self.tom.environment | look | {"TOM_LOG_LEVEL": "WARNING"}
        self._server = WebServer("web", env, self.tom.directory)
        self._server.await_up(seconds=60)

    def visit(self, account: User | None = None) -> Person:
        """Open a window for somebody; without an account, for a stranger."""
        if self._server is None:
            self.serve()
        assert self._server is not None
        cookies = {} if account is None else _session(account)
        person = Person(self._browser, self._server.url, cookies, dark=self._dark)
        self._people.append(person)
        return person

    def tell(self) -> str:
        """Return how everything stands, for a failure."""
        log = self._server.process.tell() if self._server else "not started"
        return f"{self.tom.tell()}\n{log}"

    def close(self) -> list[str]:
        """Close the windows and the server; return what went wrong in the windows."""
        surprises = []
        for person in self._people:
            person.close()
            surprises += person.surprises
        if self._server is not None:
            self._server.process.kill()
        return surprises


def _session(account: User) -> dict[str, str]:
    """Log somebody in without the form; return the cookie."""
    client = Client()
    client.force_login(account)
    # The server's name for it has the name of the TOM, `Tom.environment` gives it.
    value: Any = client.cookies[settings.SESSION_COOKIE_NAME].value
    return {"sessionid-survey-tom": value}
