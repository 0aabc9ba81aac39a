"""How long each page takes in a TOM, and how many queries; run in its environment.

`python -m tests.benchmarks.looks BIG [--times 10] [--only WORD]` prints a line for each
page and person; BIG is the id of the largest share. Called by `pages`.

Pages are rendered in this process, through all of the TOM's middleware, by people who
are logged in: what a web server adds is the same for every page.
"""

from __future__ import annotations

import argparse
import re
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from typing import Any

import django

from tests.benchmarks.crowd import PEOPLE
from tests.benchmarks.machine import in_words, say

BAR = 0.300

CHOICES = 9
"""Of each filter of the admin, so many choices are looked at: all but of long lists."""

PATIENCE = 5.0
"""Seconds of one answer, after which a page is not asked for as often as it should."""


@dataclass(frozen=True)
class Page:
    """An address, and what it is called in the table."""

    name: str
    path: str
    accept: str = "text/html"


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


def everyone(big: int) -> list[Page]:
    """Return the pages that may be open to each person."""
    from tom_share_worker.models import Attempt, Delivery, IngestJob

    many = Delivery.objects.filter(share_id=big).order_by("pk")
    delivery = many.filter(status="failed").values_list("pk", flat=True)[0]
    target = Delivery.objects.get(pk=delivery).target_id
    job = IngestJob.objects.order_by("pk").values_list("pk", flat=True)[0]
    assert Attempt.objects.filter(delivery_id=delivery).exists()
    ours: list[tuple[str, str, list[Any]]] = [
        ("a page of the host alone", "home", []),
        ("shares", "tom_share_worker:share-list", []),
        ("the largest share", "tom_share_worker:share-detail", [big]),
        ("its progress", "tom_share_worker:share-progress", [big]),
        ("a delivery", "tom_share_worker:delivery-detail", [delivery]),
        ("incoming", "tom_share_worker:ingest-job-list", []),
        ("an ingest job", "tom_share_worker:ingest-job", [job]),
        ("destinations", "tom_share_worker:destination-list", []),
        ("share page of a target", "targets:share", [target]),
        ("persistent shares", "targets:persistent-share-manage-form", []),
        ("target page of the host", "targets:detail", [target]),
        ("target tab", "tom_share_worker:target-sharing-tab", [target]),
        ("sharing of a target", "tom_share_worker:target-sharing", [target]),
        ("what failed unseen", "tom_share_worker:unseen", []),
        ("health", "tom_share_worker:health", []),
        ("metrics", "tom_share_worker:metrics", []),
    ]
    return [*_named(ours), *_narrowed(big), *_api(big, delivery, job)]


def _named(wanted: list[tuple[str, str, list[Any]]]) -> Iterator[Page]:
    """Yield those pages that this version has."""
    from django.urls import NoReverseMatch, reverse

    for name, view, arguments in wanted:
        try:
            yield Page(name, reverse(view, args=arguments))
        except NoReverseMatch:
            say(f"(no page {view})")


def _narrowed(big: int) -> Iterator[Page]:
    from django.urls import reverse

    shares = reverse("tom_share_worker:share-list")
    share = reverse("tom_share_worker:share-detail", args=[big])
    incoming = reverse("tom_share_worker:ingest-job-list")
    questions = {
        shares: (
            *("page=30", "status=failed", "destination=survey", "search=Survey+42"),
            *("q=Survey+42", "q=nowhere", "kind=target+data", "failure=refused+data"),
            "target=Survey+42",
        ),
        share: ("page=2000", "page=1000", "status=failed", "status=queued"),
        incoming: ("page=100", "status=failed", "q=night-4242", "q=nowhere"),
    }
    names = {shares: "shares", share: "the largest share", incoming: "incoming"}
    for address, asked in questions.items():
        for question in asked:
            yield Page(f"{names[address]}, {question}", f"{address}?{question}")


def _api(big: int, delivery: int, job: int) -> Iterator[Page]:
    lists = {
        "shares": ("", "status=failed", "offset=1500", "search=Survey+42"),
        "deliveries": (
            *("", "status=failed", f"share={big}", "offset=90000", "limit=1000"),
            *("destination=partner", "failure=destination+down"),
            *("search=Survey+42", "kind=data+product"),
        ),
        "ingest-jobs": ("", "status=failed", "offset=9000"),
        f"shares/{big}": ("",),
        f"deliveries/{delivery}": ("",),
        f"ingest-jobs/{job}": ("",),
        "destinations": ("",),
        "bulk-actions": ("",),
    }
    for name, asked in lists.items():
        for question in asked:
            shown = f"API {name.partition('/')[0]}{' one' if '/' in name else ''}"
            yield Page(
                f"{shown} {question}",
                f"/api/{name}/?{question}",
                "application/json",
            )


def of_admin(client: Any) -> Iterator[Page]:
    """Yield the admin's lists with each choice of each filter, searches and rows."""
    from django.contrib import admin
    from django.urls import reverse

    yield Page("admin", reverse("admin:app_list", args=["tom_share_worker"]))
    task_status = "admin:tom_share_worker_taskstatus"
    yield from _named(
        [
            ("admin task status", f"{task_status}_changelist", []),
            ("admin task status, live part", f"{task_status}_live", []),
            ("admin task status, charts", f"{task_status}_charts", []),
            ("admin task status, retry all", f"{task_status}_retry", []),
        ]
    )
    for model in admin.site._registry:
        # The task status is no list, though it is registered as a model.
        if model._meta.app_label != "tom_share_worker" or model._meta.proxy:
            continue
        name, noun = model._meta.model_name, str(model._meta.verbose_name_plural)
        address = reverse(f"admin:tom_share_worker_{name}_changelist")
        yield Page(f"admin {noun}", address)
        yield from _filters(client, f"admin {noun}", address)
        for question in ("q=Survey+42", "q=nowhere", "p=100", "o=1", "o=-1"):
            yield Page(f"admin {noun}, {question}", f"{address}?{question}")
        pk = model._default_manager.order_by("-pk").values_list("pk", flat=True).first()
        if pk is not None:
            change = reverse(f"admin:tom_share_worker_{name}_change", args=[pk])
            yield Page(f"admin, one of {noun}", change)


def _filters(client: Any, name: str, address: str) -> Iterator[Page]:
    """Yield a list with each choice that its filters offer."""
    text = client.get(address).content.decode()
    _, _, beside = text.partition('id="changelist-filter"')
    asked = dict.fromkeys(re.findall(r'href="(\?[^"]+=[^"]*)"', beside))
    seen: Counter[str] = Counter()
    for question in asked:
        name_of_filter = question.partition("=")[0]
        seen[name_of_filter] += 1
        if seen[name_of_filter] > CHOICES:
            continue
        yield Page(f"{name}, {question[1:]}", address + unescape(question))


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
