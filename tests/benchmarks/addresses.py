"""Which pages a TOM with this app has, narrowed in every way; asked for by `looks`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from typing import Any

from tests.benchmarks.machine import say

CHOICES = 9
"""Of each filter of the admin, so many choices are looked at: all but of long lists."""


@dataclass(frozen=True)
class Page:
    """An address, and what it is called in the table."""

    name: str
    path: str
    accept: str = "text/html"


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
        ("persistent shares, table", "targets:persistent-share-manage-table", []),
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
            *("q=Survey+42", "q=Survey", "q=selected", "q=nowhere"),
            *("kind=target+data", "failure=refused+data", "target=Survey+42"),
        ),
        share: ("page=2000", "page=1000", "status=failed", "status=queued"),
        incoming: ("page=100", "status=failed", "q=night-4242", "q=nowhere"),
    }
    names = {shares: "shares", share: "the largest share", incoming: "incoming"}
    for address, asked in questions.items():
        for question in asked:
            yield Page(f"{names[address]}, {question}", f"{address}?{question}")


def _api(big: int, delivery: int, job: int) -> Iterator[Page]:
    from django.urls import reverse

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
    program = "application/json"
    yield Page("API persistent shares", reverse("targets:persistent-share"), program)
    for name, asked in lists.items():
        for question in asked:
            shown = f"API {name.partition('/')[0]}{' one' if '/' in name else ''}"
            yield Page(f"{shown} {question}", f"/api/{name}/?{question}", program)


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
