"""What comes in, watched from outside: an upload by a program, and a broken file.

Called by run_demo.py for the TOM that receives with this app.
"""

import time
from dataclasses import dataclass
from typing import Any

import requests

from sample_data.accounts import PARTNER
from tour.browser import TIMEOUT, Browser, PageError, form_with
from tour.screen import Screen
from tour.toms import Tom

PROCESS_TIMEOUT = 120.0
"""Seconds for a file to be processed; on a laptop it takes one or two."""

ENDED = ("done", "failed", "cancelled")


@dataclass(frozen=True)
class Received:
    """An upload that was answered, and where to follow it."""

    seconds: float
    status: int
    location: str
    token: str


def upload(tom: Tom, target: int, name: str, content: bytes) -> Received:
    """Send a file of photometry as a program does, with a token."""
    account = {"username": PARTNER.username, "password": PARTNER.password}
    asked = requests.post(f"{tom.url}/api/token-auth/", json=account, timeout=TIMEOUT)
    token = asked.json()["token"]
    began = time.monotonic()
    answer = requests.post(
        f"{tom.url}/api/dataproducts/",
        data={"target": target, "data_product_type": "photometry", "product_id": name},
        files={"file": (name, content)},
        headers={"Authorization": f"Token {token}"},
        timeout=TIMEOUT,
    )
    took = time.monotonic() - began
    if "Location" not in answer.headers:
        raise PageError(f"{tom.name} answered {answer.status_code}: {answer.text}")
    return Received(took, answer.status_code, answer.headers["Location"], token)


def watch(received: Received, screen: Screen) -> dict[str, Any]:
    """Follow an upload to its end, and say each step that it takes."""
    began, last = time.monotonic(), ""
    while time.monotonic() - began < PROCESS_TIMEOUT:
        state: dict[str, Any] = requests.get(
            received.location,
            headers={"Authorization": f"Token {received.token}"},
            timeout=TIMEOUT,
        ).json()
        if state["status"] != last:
            last = state["status"]
            after = f"after {time.monotonic() - began:.1f} s"
            screen.line(f"{last:<8} {after:<13} {state['message']}".rstrip())
        if last in ENDED:
            return state
        time.sleep(0.1)
    raise PageError(f"{received.location} says {last!r} after two minutes.")


def job_of(browser: Browser, file_name: str) -> dict[str, Any]:
    """Return the ingest job of a file, as the API for people's programs shows it."""
    jobs = browser.json("/api/ingest-jobs/")["results"]
    found = [job for job in jobs if job["file_name"] == file_name]
    if not found:
        raise PageError(f"{browser.tom.name} has no ingest job of {file_name}.")
    return dict(found[0])


def mend(tom: Tom, file_name: str, wrong: bytes, right: bytes) -> None:
    """Correct a file where this TOM keeps it, as somebody there would."""
    [path] = (tom.directory / "media").rglob(file_name)
    path.write_bytes(path.read_bytes().replace(wrong, right))


def reprocess(browser: Browser, job: dict[str, Any]) -> dict[str, Any]:
    """Press Reprocess on the page of a job, and wait for its end."""
    action = f"/shares/incoming/{job['id']}/reprocess/"
    page = browser.open(f"/shares/incoming/{job['id']}/")
    browser.send(form_with(page, "csrfmiddlewaretoken", action), {}, action)
    deadline = time.monotonic() + PROCESS_TIMEOUT
    while time.monotonic() < deadline:
        now: dict[str, Any] = browser.json(f"/api/ingest-jobs/{job['id']}/")
        if now["status"] in ENDED:
            return now
        time.sleep(0.2)
    raise PageError(f"{browser.tom.name} did not process {job['file_name']} again.")
