"""What became of a file that the other TOM has received and processes by itself.

Called by `products` right after an upload, and by `tom` in each later attempt. A
receipt is the address where a TOM that runs this app tells of it.
"""

from __future__ import annotations

import re
import time
from http import HTTPStatus
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from tom_share_worker.delivery.destinations import verdicts
from tom_share_worker.delivery.destinations.base import Progress
from tom_share_worker.delivery.destinations.http import Answer
from tom_share_worker.delivery.destinations.tom import wire
from tom_share_worker.delivery.destinations.tom.session import Session
from tom_share_worker.delivery.outcomes import (
    Delivered,
    Halted,
    Interrupted,
    Outcome,
    Received,
    Refused,
)
from tom_share_worker.models import Failure

PATIENCE = 3.0
"""Seconds after an upload in which its processing may end, so that one attempt tells of
all of it. Longer: a slot is held; shorter: more attempts on the page."""

QUEUE_PATIENCE = 1.0
"""The same while its processing has not even begun: it may be one of many there."""

PAUSE, LONGEST_PAUSE = 0.1, 0.5
"""Seconds between two looks, at first and at most."""

_PATH = re.compile(re.escape(wire.RECEIPTS) + r"[A-Za-z0-9-]+/")

_UNFINISHED = ("queued", "running")

Told = dict[str, Any]


def of(session: Session, answer: Answer) -> str:
    """Return the receipt in the answer to an upload, or nothing.

    Our account goes with the question, so it is asked at BASE_URL only: an address that
    leads elsewhere is not followed. A TOM behind a proxy may not know its own; then the
    number of the job tells.
    """
    base = session.settings.base_url
    if path := _path(base, answer.headers.get("Location", "")):
        return f"{base}{path}"
    return by_number(session, answer.json())


def by_number(session: Session, body: Any) -> str:
    """Return the receipt of the job that an answer names, or nothing."""
    job = body.get("ingest") if isinstance(body, dict) else None
    number = job.get("id") if isinstance(job, dict) else None
    if not isinstance(number, int):
        return ""
    return f"{session.settings.base_url}{wire.RECEIPTS}{number}/"


def _path(base_url: str, address: str) -> str:
    """Return the path of a receipt below our BASE_URL; nothing if it is none there."""
    try:
        base, there = urlsplit(base_url), urlsplit(urljoin(base_url, address))
        if _origin(base) != _origin(there) or "@" in there.netloc:
            return ""
    except ValueError:
        return ""
    path = there.path.removeprefix(base.path)
    is_below = there.path.startswith(base.path)
    return path if is_below and _PATH.fullmatch(path) else ""


def _origin(address: SplitResult) -> tuple[str, str | None, int | None]:
    default = {"http": 80, "https": 443}.get(address.scheme)
    return address.scheme, address.hostname, address.port or default


def ask(session: Session, receipt: str, progress: Progress) -> Outcome | None:
    """Ask what became of a file; None, and forgotten, where nobody knows of it."""
    path = _path(session.settings.base_url, receipt)
    told = _told(session, path) if path else None
    if told is None or _is_lost(told):
        progress.received("")
        return None
    return _outcome(session.name, told)


def wait(session: Session, receipt: str, progress: Progress) -> Outcome | None:
    """Look for a little while what becomes of a file that has just been received."""
    path = _path(session.settings.base_url, receipt)
    began, pause = time.monotonic(), PAUSE
    while True:
        time.sleep(pause)
        if not progress.keep_going():
            raise Halted(Interrupted())
        told = _told(session, path)
        if told is None:
            return None
        is_queued = told["status"] == "queued"
        pause = min(2 * pause, LONGEST_PAUSE)
        rest = (QUEUE_PATIENCE if is_queued else PATIENCE) - pause
        if told["status"] not in _UNFINISHED or time.monotonic() - began > rest:
            return _outcome(session.name, told)


def _told(session: Session, path: str) -> Told | None:
    """Return what the other TOM tells; None where it knows of no such file."""
    answer = session.request("GET", path)
    if answer.status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return None
    session.halt_on_trouble(answer)
    told = answer.json()
    if not isinstance(told, dict) or not isinstance(told.get("status"), str):
        raise Halted(session.nonsense())
    return told


def _is_lost(told: Told) -> bool:
    """True if it was not processed, and is not there any more to be processed."""
    has_ended_badly = told["status"] in ("failed", "cancelled")
    return has_ended_badly and told.get("data_product", "") is None


def _outcome(name: str, told: Told) -> Outcome:
    match told["status"]:
        case "done":
            return Delivered(f"{name} received the file; {_read(told)}.")
        case "failed":
            said = verdicts.words(told.get("message"))
            return Refused(
                Failure.REFUSED_DATA,
                f"{name} received the file but could not process it"
                f"{f': {said}' if said else ''}.",
            )
        case "cancelled":
            return Refused(
                Failure.REFUSED_DATA,
                f"{name} received the file, and its people stopped its processing. The "
                f"file is there; ask them to process it.",
            )
    return Received(f"{name} received the file; it is being processed there.")


def _read(told: Told) -> str:
    """Say what was read from the file."""
    count, new = told.get("datums"), told.get("new")
    if not isinstance(count, int) or not isinstance(new, int) or not count:
        return "processed"
    points = "data point" if count == 1 else "data points"
    return f"processed: {count:,} {points}, {new:,} of them new"
