"""The rows in Django's admin: to be read, searched, and acted on by a few verbs.

Nothing is added, changed or deleted by hand: states follow from what the workers did,
and the verbs go through the same functions as the buttons on the pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.contrib.auth import get_permission_codename
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from tom_share_worker import conf
from tom_share_worker.delivery import actions
from tom_share_worker.delivery.sending import connection
from tom_share_worker.models import Attempt, Delivery, Destination, Share, Worker
from tom_share_worker.status import notices, words

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
    _TabularInline = admin.TabularInline[Any, Any]
else:
    _ModelAdmin = admin.ModelAdmin
    _TabularInline = admin.TabularInline


class _PauseForm(ActionForm):
    """The choice of a verb, with a reason for those who wonder why nothing goes."""

    reason = forms.CharField(
        required=False, max_length=500, label="Reason, if it is a pause:"
    )


class ReadOnly(_ModelAdmin):
    """View, and nothing else, in a fixed number of queries."""

    show_full_result_count = False
    list_per_page = 50
    actions_on_bottom = True
    hidden: tuple[str, ...] = ()
    """Columns that may be large, are of no use to people, and are never loaded."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave out the large columns."""
        return super().get_queryset(request).defer(*self.hidden)

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Do not show them, either."""
        return self.hidden

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        """Nobody adds rows by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody edits rows by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes rows by hand."""
        return False

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Ask for the permission to change, before a verb is offered."""
        codename = get_permission_codename("change", self.opts)
        return bool(request.user.has_perm(f"{self.opts.app_label}.{codename}"))

    def tell(self, request: HttpRequest, done: int, left: int, verb: str) -> None:
        """Report how many rows a verb acted on, and how many it left alone."""
        noun, plural = str(self.opts.verbose_name), str(self.opts.verbose_name_plural)
        said = f"{words.count(done, noun, plural)} {verb}."
        if left:
            said += f" {words.count(left, noun, plural)} left alone: not in a state "
            said += "for it."
        self.message_user(request, said, messages.SUCCESS if done else messages.WARNING)


class DestinationFilter(admin.SimpleListFilter):
    """Filter by destination, under the names people use."""

    title = "destination"
    parameter_name = "destination"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        """Offer those of the settings, and those that were there once."""
        known = set(Destination.objects.values_list("key", flat=True))
        keys = sorted(known.union(conf.destination_keys()))
        return [(key, conf.display_name(key)) for key in keys]

    def queryset(self, request: Any, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the rows to the chosen one."""
        return queryset.filter(destination=self.value()) if self.value() else queryset


@admin.register(Share)
class ShareAdmin(ReadOnly):
    """What was asked for."""

    list_display = ("subject", "destination_name", "status", "user", "created", "ended")
    list_filter = ("status", DestinationFilter, "kind", "created")
    list_select_related = ("user",)
    search_fields = ("subject", "title", "user__username")
    readonly_fields = ("created",)
    hidden = ("selection", "plan_cursor", "plan_step", "request_digest")
    actions = ("retry", "cancel")

    @admin.display(description="destination", ordering="destination")
    def destination_name(self, share: Share) -> str:
        """Show what people call it."""
        return share.destination_name

    @admin.action(description="Retry what did not arrive", permissions=["act"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Share]) -> None:
        """Send again what did not arrive."""
        shares = list(queryset)
        done = sum(bool(actions.retry_share(share)) for share in shares)
        go = notices.go_again(done, {share.destination for share in shares})
        self.tell(request, done, len(shares) - done, go)

    @admin.action(description="Cancel", permissions=["act"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Share]) -> None:
        """Send no more of them."""
        shares = list(queryset)
        open_ = [share for share in shares if not share.is_ended]
        for share in open_:
            actions.cancel_share(share)
        self.tell(request, len(open_), len(shares) - len(open_), "cancelled")


class _AttemptInline(_TabularInline):
    """The attempts on the page of their delivery."""

    model = Attempt
    fields = ("number", "started", "ended", "outcome", "status_code", "request", "note")
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


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly):
    """What is sent, piece by piece."""

    list_display = (
        "what",
        "destination_name",
        "status",
        "failure",
        "attempt_count",
        "arrived",
        "next_attempt_at",
        "note",
        "created",
    )
    ordering = ("-id",)
    list_filter = ("status", DestinationFilter, "kind", "failure", "created")
    list_select_related = ("data_product",)
    search_fields = ("target_name", "note", "share__subject")
    readonly_fields = ("created",)
    hidden = ("ledger", "claim")
    actions = ("retry", "cancel")
    inlines = (_AttemptInline,)

    @admin.display(description="delivery", ordering="target_name")
    def what(self, delivery: Delivery) -> str:
        """Show what is sent, in words."""
        return delivery.what

    @admin.display(description="destination", ordering="destination")
    def destination_name(self, delivery: Delivery) -> str:
        """Show what people call it."""
        return delivery.destination_name

    @admin.display(description="data points there")
    def arrived(self, delivery: Delivery) -> str:
        """Sum up the ledger."""
        if not delivery.datum_count:
            return "—"
        there = delivery.delivered_count + delivery.already_there_count
        return f"{there:,} of {delivery.datum_count:,}"

    @admin.action(description="Retry", permissions=["act"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        """Send again what failed, and at once what waits."""
        asked = queryset.count()
        keys = set(queryset.order_by().values_list("destination", flat=True).distinct())
        done = actions.retry(queryset)
        self.tell(request, done, asked - done, notices.go_again(done, keys))

    @admin.action(description="Cancel", permissions=["act"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        """Send no more of them."""
        asked = queryset.count()
        done = actions.cancel(queryset)
        self.tell(request, done, asked - done, "cancelled")


@admin.register(Attempt)
class AttemptAdmin(ReadOnly):
    """What happened, try by try."""

    list_display = (
        "started",
        "delivery",
        "number",
        "outcome",
        "failure",
        "status_code",
        "request",
        "worker",
    )
    list_filter = ("outcome", "failure", "started")
    list_select_related = ("delivery__data_product",)
    search_fields = ("delivery__target_name", "request", "note", "worker", "task_id")
    ordering = ("-id",)
    hidden = ("claim", "delivery__ledger")

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Name the attempt's own columns only."""
        return ("claim",)


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
        done = sum(actions.pause(key, request.user, reason) for key in keys)
        self.tell(request, done, len(keys) - done, "paused")

    @admin.action(description="Resume, and try at once", permissions=["act"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Destination]) -> None:
        """Let deliveries go there again."""
        closed = queryset.filter(Q(paused=True) | Q(retry_at__isnull=False))
        keys = list(closed.values_list("key", flat=True))
        left = queryset.count() - len(keys)
        for key in keys:
            actions.resume(key)
        self.tell(request, len(keys), left, "resumed")

    @admin.action(description="Test connection", permissions=["act"])
    def test_connection(
        self, request: HttpRequest, queryset: QuerySet[Destination]
    ) -> HttpResponse:
        """Have a worker test them, and lead to the page that tells."""
        for key in queryset.values_list("key", flat=True):
            connection.ask(key.partition(":")[0], request.user)
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
