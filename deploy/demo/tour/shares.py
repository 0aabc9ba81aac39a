"""Presses Share on the host's own pages, and follows the share on its own page.

Called by run_demo.py.
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import requests
from bs4 import BeautifulSoup

from tour.browser import Browser, PageError, form_with
from tour.contents import photometry_boxes
from tour.screen import Screen

DESTINATION = {"share_destination": "partner"}

SHARE_TIMEOUT = 300.0
"""Seconds for a share of the tour to end; on a laptop each takes a few."""


@dataclass
class Share:
    """A share that was asked for, and where its page is."""

    label: str
    page: str
    click: float


def share_target(browser: Browser, label: str, pk: int, *, ticked: bool) -> Share:
    """Share a target from its share page, with all photometry ticked or with none."""
    action = f"/targets/{pk}/share/"
    form = form_with(browser.open(action), "share_destination")
    found = photometry_boxes(form) if ticked else []
    boxes = [("share-box", str(box["value"])) for box in found]
    return _press(label, lambda: browser.send(form, DESTINATION, action, ticked=boxes))


def share_target_list(browser: Browser, label: str, pk: int) -> Share:
    """Share a whole target list with its data."""
    action = f"/targets/targetgrouping/{pk}/share/"
    page = browser.open(action)
    form = form_with(page, "share_destination")
    boxes = page.find_all("input", attrs={"name": "selected-target"})
    ticked = [("selected-target", str(box["value"])) for box in boxes]
    typed = {**DESTINATION, "dataSwitch": "on"}
    return _press(label, lambda: browser.send(form, typed, action, ticked=ticked))


def share_data_product(browser: Browser, label: str, target: int, pk: int) -> Share:
    """Share one file from the list of files on its target's page."""
    action = f"/dataproducts/data/{pk}/share/"
    page = browser.open(f"/targets/{target}/")
    form = form_with(page, "share_destination", action)
    return _press(label, lambda: browser.send(form, DESTINATION, action))


def share_all_data(browser: Browser, label: str, target: int) -> Share:
    """Share all data points of a target from its page, none of them ticked."""
    action = f"/dataproducts/target/{target}/share/"
    page = browser.open(f"/targets/{target}/")
    form = form_with(page, "share_destination", action)
    return _press(label, lambda: browser.send(form, DESTINATION, action))


def _press(label: str, button: Callable[[], requests.Response]) -> Share:
    started = time.monotonic()
    answer = button()
    first = answer.history[0] if answer.history else answer
    click = first.elapsed.total_seconds() or time.monotonic() - started
    return Share(label, _share_page(answer), click)


def _share_page(answer: requests.Response) -> str:
    """Return the share page to which the answer to a click leads or links."""
    for step in [*answer.history, answer]:
        target = step.headers.get("Location", step.url)
        if found := re.search(r"/shares/\d+/", target):
            return found[0]
    # The newest is the one linked in the message at the top of the page.
    if found := re.search(r'href="[^"]*(/shares/\d+/)"', answer.text):
        return found[1]
    told = [
        box.get_text(" ", strip=True)
        for box in BeautifulSoup(answer.text, "html.parser").select(".alert")
    ]
    raise PageError(
        f"The click on Share led to no share. The page says: {' '.join(told)}"
    )


@dataclass
class Progress:
    """How far a share is, as its page shows it."""

    done: int
    total: int
    status: str
    ended: bool


def progress(browser: Browser, share: Share) -> Progress:
    """Read a share's progress off its page."""
    raise NotImplementedError(share, browser)


def follow(
    browser: Browser, shares: Sequence[Share], screen: Screen, check: Callable[[], None]
) -> list[Progress]:
    """Draw a bar for each share until all have ended; return how they ended."""
    deadline = time.monotonic() + SHARE_TIMEOUT
    while True:
        check()
        states = [progress(browser, share) for share in shares]
        over = all(state.ended for state in states) or time.monotonic() > deadline
        rows = [
            (share.label, state.done, state.total, state.status)
            for share, state in zip(shares, states, strict=True)
        ]
        screen.bars(rows, last=over)
        if over:
            return states
        time.sleep(0.3)
