"""Deliveries in Django's admin: what is sent, piece by piece, with the attempts."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from tom_share_worker.delivery import visibility
from tom_share_worker.models import Attempt, BulkAction, Delivery
from tom_share_worker.operating import matching
from tom_share_worker.status.admin import filters
from tom_share_worker.status.admin.base import TabularInline, link
from tom_share_worker.status.admin.verbs import Acted, Verb


class _AttemptInline(TabularInline):
    """The attempts on the page of their delivery."""

    model = Attempt
    fields = (
        *("number", "started", "ended", "outcome", "status_code", "request"),
        *("note", "celery_link"),
    )
    readonly_fields = fields
    extra = 0
    can_delete = False
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave out the answers, which the attempt's own page shows."""
        return super().get_queryset(request).defer("answer")

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        """Nobody adds attempts by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody edits attempts by hand."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may view the list of attempts may view them here."""
        page: Any = self.admin_site.get_model_admin(Attempt)
        return bool(page.has_view_permission(request))

    @admin.display(description="Celery")
    def celery_link(self, attempt: Attempt) -> str:
        """Lead to what Celery recorded."""
        page: Any = self.admin_site.get_model_admin(Attempt)
        return str(page.celery_link(attempt))


@admin.register(Delivery)
class DeliveryAdmin(Acted):
    """What is sent, piece by piece."""

    rows = BulkAction.Rows.DELIVERIES
    list_display = (
        *("what", "destination_name", "status", "failure", "attempts"),
        *("arrived", "next_attempt", "note", "made", "ended"),
    )
    ordering = ("-id",)
    sortable_by = ("destination_name", "status", "attempts", "made")
    list_filter = (
        *(filters.STATUS, filters.DestinationFilter, filters.CAUSE),
        *(filters.CREATED, filters.ENDED, filters.KIND, filters.REQUESTER),
        *(filters.SHARE, *filters.GIVEN),
    )
    list_select_related = ("data_product",)
    search_fields = matching.SEARCHED[rows]
    fields = (
        *("share_link", "page", "position", "destination_name", "kind", "target"),
        *("target_name", "data_product", "status", "failure", "note", "created"),
        *("ended", "next_attempt_at", "attempt_count", "lost_count", "hinted_at"),
        *("lease_until", "datum_count", "delivered_count", "already_there_count"),
        *("refused_count", "link", "receipt"),
    )
    readonly_fields = ("share_link", "page", "destination_name", "created")
    hidden = ("ledger", "claim")
    actions = ("retry", "cancel")
    inlines = (_AttemptInline,)

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Who may act on shares may act on their deliveries."""
        operates = visibility.operates(request.user)
        return bool(operates or super().has_act_permission(request))

    @admin.display(description="share")
    def share_link(self, delivery: Delivery) -> str:
        """Lead to what it is a part of."""
        name = "admin:tom_share_worker_share_change"
        return link(reverse(name, args=[delivery.share_id]), str(delivery.share_id))

    @admin.display(description="delivery")
    def what(self, delivery: Delivery) -> str:
        """Show what is sent, in words."""
        return delivery.what

    @admin.display(description="destination", ordering="destination")
    def destination_name(self, delivery: Delivery) -> str:
        """Show what people call it."""
        return delivery.destination_name

    @admin.display(description="created", ordering="id")
    def made(self, delivery: Delivery) -> Any:
        """Show when it was planned; sorted by id, which has an index."""
        return delivery.created

    @admin.display(description="attempts", ordering="attempt_count")
    def attempts(self, delivery: Delivery) -> int:
        """Show how many attempts counted against the schedule."""
        return delivery.attempt_count

    @admin.display(description="next attempt")
    def next_attempt(self, delivery: Delivery) -> Any:
        """Show when it is due, as long as it waits."""
        waits = delivery.status == Delivery.Status.QUEUED
        return delivery.next_attempt_at if waits else None

    @admin.display(description="data points there")
    def arrived(self, delivery: Delivery) -> str:
        """Sum up the ledger."""
        if not delivery.datum_count:
            return "—"
        there = delivery.delivered_count + delivery.already_there_count
        return f"{there:,} of {delivery.datum_count:,}"

    @admin.display(description="page")
    def page(self, delivery: Delivery) -> str:
        """Lead to the fate of each data point."""
        page = reverse("tom_share_worker:delivery-detail", args=[delivery.pk])
        return link(page, "Its page in this TOM, with the fate of each data point")

    @admin.action(description="Retry", permissions=["act"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> Any:
        """Send again what failed, and at once what waits."""
        return self.act(request, queryset, Verb.RETRY)

    @admin.action(description="Cancel", permissions=["act"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> Any:
        """Send no more of them."""
        return self.act(request, queryset, Verb.CANCEL)
