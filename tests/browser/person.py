"""A person at a browser: a window of their own, and an eye on what goes wrong in it.

Tests get one from the fixture `site`. Whatever the browser's console says, each request
that fails and each exception of a script is kept in `faults`; the fixture asserts that
there are none, but for those that a test expects.
"""

from __future__ import annotations

from typing import Any

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
)

from tests.browser import chromium, outside

WIDE = {"width": 1280, "height": 900}

NARROW = {"width": 390, "height": 844}
"""A telephone, upright."""

# The host's own; each with its reason.
NOT_OURS = (
    # Alpine is an empty file here, so nothing of the host's that needs it is tested.
    "Alpine Warning",
)

LEFT_BEFORE = "net::ERR_ABORTED"
"""A page was left while it still asked for something: no fault."""


class Person:
    """A person with one window at the TOM."""

    def __init__(
        self, browser: Browser, url: str, cookies: dict[str, str], *, dark: bool
    ) -> None:
        self.url = url.rstrip("/")
        self.faults: list[str] = []
        self._expected: list[str] = []
        self.context: BrowserContext = browser.new_context(
            base_url=url,
            viewport=WIDE,  # type: ignore[arg-type]
            color_scheme="dark" if dark else "light",
            locale="en-US",
            timezone_id="UTC",
            reduced_motion="reduce",
        )
        self.context.set_default_timeout(chromium.PATIENCE)
        self.context.add_cookies(
            [{"name": n, "value": v, "url": url} for n, v in cookies.items()]
        )
        outside.serve(self.context, self.faults)
        self.page: Page = self.context.new_page()
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self._note(f"exception: {error}"))
        self.page.on("requestfailed", self._on_failed_request)
        self.page.on("response", self._on_response)

    def open(self, path: str) -> Page:
        """Open an address of the TOM."""
        self.page.goto(path)
        return self.page

    def expects(self, fault: str) -> None:
        """Take a fault for granted in this test: a part of what it says."""
        self._expected.append(fault)

    @property
    def surprises(self) -> list[str]:
        """Return the faults that were not expected."""
        return [
            fault
            for fault in self.faults
            if not any(part in fault for part in (*self._expected, *NOT_OURS))
        ]

    def close(self) -> None:
        """Close the window."""
        self.context.close()

    def _note(self, fault: str) -> None:
        path = self.page.url.removeprefix(self.url)
        self.faults.append(f"{path}: {fault}")

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning", "assert"}:
            place: Any = message.location
            self._note(f"console {message.type}: {message.text} ({place.get('url')})")

    def _on_failed_request(self, request: Request) -> None:
        here = not outside.ELSEWHERE.match(request.url)
        if here and request.failure != LEFT_BEFORE:
            self._note(f"{request.method} {request.url}: {request.failure}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 400:
            self._note(f"{response.request.method} {response.url}: {response.status}")
