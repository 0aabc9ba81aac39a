"""Debian's Chromium under Playwright: where it is, how it is started.

Called by this room's fixtures.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")

MISSING = (
    "No Chromium is installed here, so nothing is tested in a browser. On Debian: "
    "apt-get install chromium fonts-liberation. TSW_CHROMIUM names one elsewhere."
)

OPTIONS = [
    "--no-sandbox",  # its sandbox refuses to be started by root
    "--disable-gpu",
    "--disable-dev-shm-usage",  # /dev/shm is small in containers
    # It would look for news of itself, which is no business of a test.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

PATIENCE = 30_000
"""Milliseconds for a page to do something, on a machine that does much else."""


def program() -> str | None:
    """Return the path of a Chromium."""
    found = map(shutil.which, (os.environ.get("TSW_CHROMIUM", ""), *NAMES))
    return next((path for path in found if path), None)


def program_or_skip() -> str:
    """Return its path; without one, skip the test, or fail it where it must run."""
    path = program()
    if path is None and os.environ.get("TSW_REQUIRE_BROWSER") == "1":
        pytest.fail(MISSING)
    return path or pytest.skip(MISSING)


@contextmanager
def running() -> Iterator[Browser]:
    """Run a browser for a while.

    Playwright's simple form runs an event loop in this thread until it is stopped, and
    hands the thread back and forth. Django sees a loop and takes this thread for one
    that must not wait for a database. It may: while a test asks the database, the loop
    waits for the test. So the check is off, as long as the loop is there.
    """
    path = program_or_skip()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=OPTIONS)
            expect.set_options(timeout=PATIENCE)
            try:
                yield browser
            finally:
                browser.close()
