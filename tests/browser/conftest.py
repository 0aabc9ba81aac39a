"""Fixtures of the tests in a browser: one browser for a file, one site for a test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser import chromium
from tests.browser.site import Site
from tests.support.toms import Tom


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser, which ends with the tests of a file: others would see its loop."""
    with chromium.running() as running:
        yield running


@pytest.fixture
def site(browser: Browser, tom: Tom) -> Iterator[Site]:
    """The TOM under test as a web site; nothing may have gone wrong in its windows."""
    made = Site(tom, browser)
    try:
        yield made
    finally:
        surprises = made.close()
    assert not surprises, "\n".join(surprises)
