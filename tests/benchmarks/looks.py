"""How long each page takes in a TOM, and how many queries; run in its environment.

`python -m tests.benchmarks.looks BIG [--times 10] [--only WORD]` prints a line for each
page and person; BIG is the id of the largest share. Called by `pages`.

Pages are rendered in this process, through all of the TOM's middleware, by people who
are logged in: what a web server adds is the same for every page.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import time
from dataclasses import dataclass
from typing import Any

import django

from tests.benchmarks.addresses import Page, everyone, of_admin
from tests.benchmarks.machine import in_words, say
from tests.benchmarks.people import PEOPLE

BAR = 0.300

PATIENCE = 5.0
"""Seconds of one answer, after which a page is not asked for as often as it should."""


@dataclass
class Look:
    """What a page cost one person."""

    page: Page
    person: str
    status: int
    seconds: list[float]
    cpu: float
    queries: int
    database: float
    slowest: float
    sql: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def p95(self) -> float:
        if len(self.seconds) < 2:
            return self.seconds[0]
        return statistics.quantiles(self.seconds, n=20, method="inclusive")[-1]

    def line(self) -> str:
        mark = "" if self.p95 <= BAR else "  OVER THE BAR"
        took = (self.median, self.p95, self.cpu)
        asked = (self.database, self.slowest)
        return (
            f"{self.page.name[:44]:45}{self.person:11}"
            + "".join(f"{seconds * 1000:8,.0f}" for seconds in took)
            + f"{self.queries:9}"
            + "".join(f"{seconds * 1000:10,.0f}" for seconds in asked)
            + mark
        )


HEAD = (
    f"{'page, times in ms':45}{'person':11}{'median':>8}{'p95':>8}{'CPU':>8}"
    f"{'queries':>9}{'take':>10}{'slowest':>10}"
)


def look(client: Any, page: Page, person: str, times: int) -> Look:
    """Ask for a page once to warm up, once to count its queries, then for its time."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def ask() -> Any:
        return client.get(page.path, HTTP_ACCEPT=page.accept)

    ask()
    with CaptureQueriesContext(connection) as queries:
        answer = ask()
    costs = [(float(query["time"]), query["sql"]) for query in queries]
    slowest, sql = max(costs, default=(0.0, ""))
    seconds: list[float] = []
    busy = time.process_time()
    while len(seconds) < times and sum(seconds) < PATIENCE * 2:
        began = time.perf_counter()
        ask()
        seconds.append(time.perf_counter() - began)
    cpu = (time.process_time() - busy) / max(1, len(seconds))
    spent = sum(cost for cost, _ in costs)
    return Look(
        *(page, person, answer.status_code, seconds, cpu),
        *(len(costs), spent, slowest, sql),
    )


def browsers() -> dict[str, Any]:
    """Log each person in."""
    from django.contrib.auth.models import User
    from django.test import Client

    made = {}
    for name in PEOPLE:
        made[name] = Client(SERVER_NAME="localhost", raise_request_exception=True)
        made[name].force_login(
            User.objects.get(username=name),
            "allauth.account.auth_backends.AuthenticationBackend",
        )
    return made


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("big", type=int)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--only", default="", help="pages with this in their name")
    parser.add_argument("--who", default="", help="one person")
    parser.add_argument("--sql", action="store_true", help="print what is slow")
    options = parser.parse_args()
    django.setup()
    logging.disable(logging.WARNING)  # a page that refuses somebody says so at length
    say(f"{in_words()}\n{HEAD}")
    over = []
    for person, client in browsers().items():
        if options.who and person != options.who:
            continue
        pages = everyone(options.big)
        if person in ("operator", "superuser"):
            pages += of_admin(client)
        for page in pages:
            if options.only not in page.name:
                continue
            found = look(client, page, person, options.times)
            if found.status in (200, 286):
                say(found.line())
                over += [found] if found.p95 > BAR else []
                if options.sql and found.slowest > 0.05:
                    say(f"    {found.sql[:3000]}")
    say(f"\nBar: p95 of at most {BAR * 1000:.0f} ms; over it: {len(over)}.")
    say(in_words())


if __name__ == "__main__":
    main()
