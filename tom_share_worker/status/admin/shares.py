"""Shares in Django's admin: what was asked for."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from tom_share_worker.delivery.asking import masking
from tom_share_worker.models import BulkAction, Share
from tom_share_worker.operating import matching
from tom_share_worker.status.admin import filters
from tom_share_worker.status.admin.base import link
from tom_share_worker.status.admin.celery_results import OfTasks
from tom_share_worker.status.admin.verbs import Acted, Verb
from tom_share_worker.status.persistent import overview


@admin.register(Share)
class ShareAdmin(Acted, OfTasks):
    """What was asked for."""

    rows = BulkAction.Rows.SHARES
    task_column, began_column = "plan_task_id", "created"
    list_display = (
        *("subject", "destination_name", "status", "user", "created", "ended"),
    )
    # Not by subjects: an order tells something of those that are not shown.
    sortable_by = ("destination_name", "status", "user", "created", "ended")
    list_filter = (
        *(filters.STATUS, filters.DestinationFilter, filters.CREATED, filters.ENDED),
        *(filters.KIND, filters.ORIGIN, filters.REQUESTER, *filters.GIVEN),
    )
    list_select_related = ("user",)
    search_fields = matching.SEARCHED[rows]
    fields = (
        *("subject", "page", "destination_name", "status", "note", "user", "origin"),
        *("kind", "target", "target_list", "data_product", "with_data"),
        *("made_by", "title", "message", "authors", "created", "ended"),
        *("planned", "plan_failing_since", "idempotency_key", "celery_result"),
    )
    readonly_fields = (
        *("created", "page", "destination_name", "made_by", "celery_result"),
    )
    hidden = (
        *("selection", "plan_cursor", "plan_step", "request_digest", "plan_task_id"),
        *("seen", "told"),
    )
    actions = ("retry", "cancel")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Load the id of the task, of which the page of a share makes a link."""
        return matching.visible(self.rows, request.user).defer(
            *(name for name in self.hidden if name != self.task_column)
        )

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Return a share, without what of it is hidden from who reads it."""
        share = super().get_object(request, *args, **kwargs)
        if share is not None:
            self.mask(share)
            seen = overview.visible(request.user).filter(pk=share.persistent_share_id)
            share.made_by_seen = seen.exists()
        return share

    def mask(self, row: Share) -> None:
        """Take out what is hidden from who reads it."""
        masking.masked(row)

    @admin.display(description="destination", ordering="destination")
    def destination_name(self, share: Share) -> str:
        """Show what people call it."""
        return share.destination_name

    @admin.display(description="persistent share")
    def made_by(self, share: Any) -> str:
        """Lead to the persistent share that asked for it, if the person sees it.

        It may be of another target by now.
        """
        if not share.persistent_share_id or not share.made_by_seen:
            return "—"
        page = "tom_share_worker:persistent-share"
        address = reverse(page, args=[share.persistent_share_id])
        return link(address, f"Persistent share {share.persistent_share_id}")

    @admin.display(description="page")
    def page(self, share: Share) -> str:
        """Lead to what the person who asked for it sees."""
        return link(share.get_absolute_url(), "Its page in this TOM")

    @admin.action(description="Retry what did not arrive", permissions=["act"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Share]) -> Any:
        """Send again what did not arrive."""
        return self.act(request, queryset, Verb.RETRY)

    @admin.action(description="Cancel", permissions=["act"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Share]) -> Any:
        """Send no more of them."""
        return self.act(request, queryset, Verb.CANCEL)
