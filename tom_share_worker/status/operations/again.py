"""Retry what failed, reprocess what could not be read: one question, then in bulk.

Called through `admin`, which has checked that this person is staff and may log in.
Here it becomes a bulk action, which goes through what this person may see and act on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from tom_share_worker import conf
from tom_share_worker.models import (
    BulkAction,
    Delivery,
    Destination,
    Failure,
    IngestFailure,
    IngestJob,
)
from tom_share_worker.operating import bulk, matching, wording
from tom_share_worker.status import notices
from tom_share_worker.status.operations import forms, links, roles
from tom_share_worker.status.operations.forms import SinceForm, WhichForm

Rows, Verb = BulkAction.Rows, BulkAction.Verb

MAY_NOT_RETRY = "You may see the task status, but not retry deliveries of others."
MAY_NOT_REPROCESS = "You may see the task status, but not reprocess incoming files."


@dataclass(frozen=True)
class Wish:
    """What is to be done with what failed, before it is asked since when."""

    verb: BulkAction.Verb
    rows: BulkAction.Rows
    filters: dict[str, Any]
    title: str
    asked: dict[str, str]
    note: str = ""

    @property
    def meaning(self) -> str:
        """Say what happens to each of them."""
        return _MEANINGS[self.verb]


_MEANINGS = {
    Verb.RETRY: (
        "Deliveries begin anew with all their attempts, and go at the pace of their "
        "destination; one that was found down is tried at once."
    ),
    Verb.REPROCESS: (
        "The files are read again; what was read from one before is replaced when that "
        "succeeds."
    ),
}


def retry(request: HttpRequest) -> HttpResponse | dict[str, Any]:
    """Ask since when, then retry deliveries that failed; return what the page shows."""
    if not roles.of(request.user).retries:
        raise PermissionDenied(MAY_NOT_RETRY)
    asked = _which(request, Failure)
    failed = [Delivery.Status.FAILED.value]
    if asked["failure"] == Failure.REFUSED_DATA:
        # Refused data is also within what has arrived otherwise.
        failed.append(Delivery.Status.DELIVERED.value)
    of = {name: [value] for name, value in asked.items() if value}
    title = "Retry what failed"
    if key := asked["destination"]:
        title += f" for {conf.display_name(key)}"
    if asked["failure"]:
        title += f": {Failure(asked['failure']).label.lower()}"
    return _go(
        request,
        Wish(
            Verb.RETRY,
            Rows.DELIVERIES,
            {"status": failed, **of},
            title,
            asked,
            _paused(asked["destination"]),
        ),
    )


def reprocess(request: HttpRequest) -> HttpResponse | dict[str, Any]:
    """Ask since when, then read files anew that failed; return what the page shows."""
    if not roles.of(request.user).reprocesses:
        raise PermissionDenied(MAY_NOT_REPROCESS)
    asked = _which(request, IngestFailure) | {"destination": ""}
    of = {"failure": [asked["failure"]]} if asked["failure"] else {}
    title = "Reprocess incoming files that failed"
    if asked["failure"]:
        title += f": {IngestFailure(asked['failure']).label.lower()}"
    failed = {"status": [IngestJob.Status.FAILED.value], **of}
    return _go(request, Wish(Verb.REPROCESS, Rows.INGEST_JOBS, failed, title, asked))


def _which(
    request: HttpRequest, causes: type[Failure | IngestFailure]
) -> dict[str, str]:
    """Return the destination and the cause that are meant; either may be empty."""
    which = WhichForm(request.POST if request.method == "POST" else request.GET)
    if not which.is_valid() or which.cleaned_data["failure"] not in ("", *causes):
        raise Http404("There is no such cause.")
    return dict(which.cleaned_data)


def _paused(key: str) -> str:
    """Say that what is retried waits until a person resumes the destination."""
    paused = Destination.objects.filter(
        Q(key=key) | Q(key__startswith=f"{key}:"), paused=True, paused_by_person=True
    ).select_related("paused_by")
    state = paused.first() if key else None
    return notices.destination_note(state)


def _go(request: HttpRequest, wish: Wish) -> HttpResponse | dict[str, Any]:
    now = timezone.now()
    if request.method == "POST":
        form = SinceForm(request.POST)
        if form.is_valid():
            return _begin(request, wish, form.begin(now))
    counted = _count(request, wish, now)
    if request.method != "POST":
        form = SinceForm(initial={"since": _first(counted)})
    return {
        "form": form,
        "choices": _choices(form, counted),
        "wish": wish,
        "title": wish.title,
        "count": counted[forms.ALL],
        "verb": wish.verb.label,
    }


def _count(request: HttpRequest, wish: Wish, now: datetime) -> dict[str, int]:
    """Count what this person may act on, by since when it failed: one query."""
    found = matching.matches(wish.rows, wish.filters, request.user).order_by()
    day, week = (now - span for span in (forms.LAST_DAY, forms.LAST_WEEK))
    return dict(
        found.aggregate(
            day=Count("ended", filter=Q(ended__gte=day)),
            week=Count("ended", filter=Q(ended__gte=week)),
            all=Count("*"),
        )
    )


def _first(counted: dict[str, int]) -> str:
    """Return the shortest time in which anything failed."""
    return next((key for key in (forms.DAY, forms.WEEK) if counted[key]), forms.ALL)


def _choices(form: SinceForm, counted: dict[str, int]) -> list[dict[str, Any]]:
    """Return each choice of the form with how many it means, where that is known."""
    return [
        {
            "box": box,
            "count": f"{counted[key]:,}" if key in counted else "",
            "takes_time": key == forms.TIME,
        }
        for box in form["since"]
        for key in [box.data["value"]]
    ]


def _begin(request: HttpRequest, wish: Wish, since: datetime | None) -> HttpResponse:
    """Hand it to a worker, and lead to where its progress is shown."""
    filters = dict(wish.filters)
    if since is not None:
        filters["ended_since"] = since.isoformat()
    action = bulk.ask(request.user, wish.verb, wish.rows, filters)
    rows = wording.counted(action.total, wish.rows)
    does = "retries" if wish.verb == Verb.RETRY else "reprocesses"
    messages.success(request, f"A worker {does} {rows}.")
    if roles.of(request.user).lists_actions:
        return redirect("admin:tom_share_worker_bulkaction_change", action.pk)
    return redirect(f"{links.page()}#bulk-actions")
