"""Destinations and workers in Django's admin: how they stand, and how to steer them."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ActionForm
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from tom_share_worker.models import Destination, Worker
from tom_share_worker.operating import destinations
from tom_share_worker.status import notices
from tom_share_worker.status.admin.base import ReadOnly


class _PauseForm(ActionForm):
    """The choice of a verb, with a reason for those who wonder why nothing goes."""

    reason = forms.CharField(
        required=False, max_length=500, label="Reason, if it is a pause:"
    )


@admin.register(Destination)
class DestinationAdmin(ReadOnly):
    """The state of the other TOMs."""

    list_display = (
        *("name", "state", "failures", "answered", "retry_at"),
        *("paused_by", "note", "changed"),
    )
    list_filter = ("paused",)
    list_select_related = ("paused_by",)
    search_fields = ("key", "note")
    actions = ("pause", "resume", "test_connection")
    action_form = _PauseForm
    hidden = ("told", "peer")

    @admin.display(description="destination", ordering="key")
    def name(self, destination: Destination) -> str:
        """Show what people call it."""
        return str(destination)

    @admin.display(description="state")
    def state(self, destination: Destination) -> str:
        """Say in a word whether it takes deliveries."""
        return notices.state_word(destination)

    @admin.action(description="Pause: send nothing there", permissions=["act"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Destination]) -> None:
        """Let nothing go there until somebody resumes it."""
        keys = list(queryset.values_list("key", flat=True))
        reason = request.POST.get("reason", "")[:500]
        done = destinations.pause(request.user, keys, reason)
        self.tell(request, done, len(keys) - done, "paused")

    @admin.action(description="Resume, and try at once", permissions=["act"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Destination]) -> None:
        """Let deliveries go there again."""
        keys = list(queryset.values_list("key", flat=True))
        done = destinations.resume(request.user, keys)
        self.tell(request, done, len(keys) - done, "resumed")

    @admin.action(description="Test connection", permissions=["act"])
    def test_connection(
        self, request: HttpRequest, queryset: QuerySet[Destination]
    ) -> HttpResponse:
        """Have a worker test them, and lead to the page that tells."""
        keys = queryset.values_list("key", flat=True)
        for key in sorted({key.partition(":")[0] for key in keys}):
            destinations.test(request.user, key)
        return redirect("tom_share_worker:destination-list")


@admin.register(Worker)
class WorkerAdmin(ReadOnly):
    """The processes that were seen."""

    list_display = ("name", "is_alive", "delivers", "ingests", "started", "seen")
    search_fields = ("name",)

    @admin.display(boolean=True, description="alive")
    def is_alive(self, worker: Worker) -> bool:
        """Show whether it gave a sign of life a moment ago."""
        return worker.is_alive
