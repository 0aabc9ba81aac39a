"""What destinations know our targets as, in Django's admin: to be read and searched."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from tom_share_worker import conf, toolkit
from tom_share_worker.models import RemoteTarget
from tom_share_worker.status.admin.base import ReadOnly
from tom_share_worker.status.admin.filters import DestinationFilter


class _StateFilter(admin.SimpleListFilter):
    """Filter by whether a person has a say in it."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        """Offer what waits and what was chosen."""
        return [("waits", "Waits for a person"), ("chosen", "Chosen by a person")]

    def queryset(self, request: Any, queryset: Any) -> Any:
        """Narrow the rows."""
        if self.value() == "waits":
            return queryset.filter(remote_id="")
        if self.value() == "chosen":
            return queryset.exclude(chosen=None)
        return queryset


@admin.register(RemoteTarget)
class RemoteTargetAdmin(ReadOnly):
    """The targets there, and who chose them."""

    list_display = (
        *("target_name", "destination_name", "remote_id", "state"),
        *("chosen_by", "chosen", "found", "page"),
    )
    list_filter = (_StateFilter, DestinationFilter)
    list_select_related = ("target", "chosen_by")
    search_fields = ("target__name", "remote_id")
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Begin with targets that the person may view."""
        found = super().get_queryset(request)
        viewable = toolkit.viewable_targets(request.user).values("pk")
        return found.filter(target__in=viewable)

    @admin.display(description="target", ordering="target__name")
    def target_name(self, known: RemoteTarget) -> str:
        """Show the name of our target."""
        return str(known.target.name)

    @admin.display(description="destination", ordering="destination")
    def destination_name(self, known: RemoteTarget) -> str:
        """Show what people call it."""
        return conf.display_name(known.destination)

    @admin.display(description="state")
    def state(self, known: RemoteTarget) -> str:
        """Say in words how the id is known."""
        if not known.remote_id:
            return "Waits for a person"
        return "Chosen by a person" if known.chosen else "Found"

    @admin.display(description="choice")
    def page(self, known: RemoteTarget) -> str:
        """Lead to the page on which it is chosen, where there is a choice."""
        if not known.candidates:
            return "—"
        page = reverse("tom_share_worker:target-choice", args=[known.pk])
        return format_html('<a href="{}">Choose</a>', page)
