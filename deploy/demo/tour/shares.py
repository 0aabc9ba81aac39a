"""Presses Share on the host's own pages, and follows the share on its own page.

Called by run_demo.py.
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bs4 import Tag

from tour.browser import Browser, PageError, form_with
from tour.screen import Screen

SHARE_TIMEOUT = 300.0
"""Seconds for a share of the tour to end; on a laptop each takes a few."""


@dataclass
class Share:
    """A share that was asked for, and where its page is."""

    label: str
    page: str
    click: float


def share_target(
    browser: Browser, to: str, label: str, pk: int, *, photometry: bool = False
) -> Share:
    """Share a target from its share page, with all of its photometry or with none."""
    action = f"/targets/{pk}/share/"
    form = form_with(browser.open(action), "share_destination")
    chosen = {"all-photometry": "on"} if photometry else {}
    return press(browser, label, form, action, typed=_destination(to) | chosen)


def share_target_list(browser: Browser, to: str, label: str, pk: int) -> Share:
    """Share a whole target list with its data, by the button that says so."""
    action = f"/targets/targetgrouping/{pk}/share/"
    form = form_with(browser.open(action), "share_destination")
    typed = {**_destination(to), "dataSwitch": "on", "isSelectAll": "True"}
    return press(browser, label, form, action, typed=typed)


def share_data_product(
    browser: Browser, to: str, label: str, target: int, pk: int
) -> Share:
    """Share one file from the list of files on its target's page."""
    action = f"/dataproducts/data/{pk}/share/"
    page = browser.open(f"/targets/{target}/")
    form = form_with(page, "share_destination", action)
    return press(browser, label, form, action, typed=_destination(to))


def share_all_data(browser: Browser, to: str, label: str, target: int) -> Share:
    """Share all data points of a target from its page, none of them ticked."""
    action = f"/dataproducts/target/{target}/share/"
    page = browser.open(f"/targets/{target}/")
    form = form_with(page, "share_destination", action)
    return press(browser, label, form, action, typed=_destination(to))


def _destination(key: str) -> dict[str, str]:
    return {"share_destination": key}


def press(browser: Browser, label: str, form: Tag, action: str, **more: Any) -> Share:
    """Press Share, then look for the message that tells where the share is."""
    answer = browser.send(form, path=action, **more)
    # The host shows messages on the next page, whichever; its start page is light.
    page = browser.open("/")
    for link in page.find_all("a", href=re.compile(r"/shares/\d+/$")):
        return Share(label, str(link["href"]), answer.elapsed.total_seconds())
    told = " ".join(box.get_text(" ", strip=True) for box in page.select(".alert"))
    raise PageError(
        f"A click on Share led to no share. The page says: {told or 'nothing'}"
    )


@dataclass
class Progress:
    """How far a share is, as its page shows it."""

    percent: int
    note: str
    ended: bool


def progress(browser: Browser, share: Share) -> Progress:
    """Ask what the share's page asks every few seconds, for programs."""
    state = browser.json(f"{share.page}progress/")
    trouble = state["note"] or state["destination_note"] or state["worker_note"]
    said = [state["status"], _datums(state["datums"]), trouble]
    return Progress(state["percent"], ", ".join(filter(None, said)), state["ended"])


def _datums(datums: dict[str, int]) -> str:
    """Say how many data points went which way."""
    if not datums["total"]:
        return ""
    others = [
        f"{datums[fate]} {fate.replace('_', ' ')}"
        for fate in ("already_there", "refused")
        if datums[fate]
    ]
    delivered = f"{datums['delivered']} of {datums['total']} data points"
    return ", ".join([delivered, *others])


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
            (share.label, state.percent, state.note)
            for share, state in zip(shares, states, strict=True)
        ]
        screen.bars(rows, last=over)
        if over:
            return states
        time.sleep(0.3)


def note(browser: Browser, share: Share) -> str:
    """Return what the page says of the first delivery of a share."""
    number = re.search(r"(\d+)/$", share.page)
    deliveries = browser.json(f"/api/deliveries/?share={number and number[1]}")
    return str(deliveries["results"][0]["note"])


def retry(browser: Browser, share: Share) -> None:
    """Press Retry on the page of a share."""
    action = f"{share.page}retry/"
    form = form_with(browser.open(share.page), "csrfmiddlewaretoken", action)
    browser.send(form, {}, action)


def arrived(browser: Browser, share: Share) -> bool:
    """Return whether all of a share has arrived."""
    return bool(browser.json(f"{share.page}progress/")["status"] == "delivered")
