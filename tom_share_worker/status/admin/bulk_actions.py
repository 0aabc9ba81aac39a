"""Bulk actions in Django's admin: what was asked for, how far it is, and its cancel."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_POST, require_safe

from tom_share_worker.models import BulkAction
from tom_share_worker.operating import bulk, wording
from tom_share_worker.status import notices, words
from tom_share_worker.status.admin.celery_results import OfTasks

STOP = 286
"""The status by which htmx learns that it need not ask again."""

_CHANGE = "admin:tom_share_worker_bulkaction_change"


def percent(action: BulkAction) -> int:
    """Return how far it is; all the way only where it has ended."""
    if action.is_ended:
        return 100
    return min(99, 100 * action.done_count // action.total) if action.total else 0


@admin.register(BulkAction)
class BulkActionAdmin(OfTasks):
    """What was asked for many rows at once."""

    list_display = (
        *("what", "status", "asked_by", "progress", "created", "ended"),
        "celery_link",
    )
    list_filter = ("status", "verb", "rows")
    list_select_related = ("asked_by",)
    search_fields = ("asked_by__username", "note")
    fields = (
        *("asked_by", "created", "started", "ended", "left_alone"),
        "celery_result",
    )
    readonly_fields = fields
    change_form_template = "admin/tom_share_worker/bulk_action.html"

    @admin.display(description="left alone")
    def left_alone(self, action: BulkAction) -> str:
        """Count the rows which the verb did not fit."""
        return f"{action.left_count:,}"

    def get_urls(self) -> list[URLPattern]:
        """Add what the page asks for again and again, and the cancel."""
        prefix = f"{self.opts.app_label}_{self.opts.model_name}"
        # Asked by a script: a page to log in would be put where it puts the answer.
        follow = require_safe(self.progress_view)
        cancel = self.admin_site.admin_view(require_POST(self.cancel_view))
        return [
            path("<int:pk>/progress/", follow, name=f"{prefix}_progress"),
            path("<int:pk>/cancel/", cancel, name=f"{prefix}_cancel"),
            *super().get_urls(),
        ]

    def may_cancel(self, request: HttpRequest, action: BulkAction) -> bool:
        """Who asked for it may cancel it, and who operates."""
        own = action.asked_by_id == request.user.pk
        return not action.is_ended and (own or self.has_act_permission(request))

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Return a row; in full to who asked for it, as a filter may name a target."""
        action = super().get_object(request, *args, **kwargs)
        user = request.user
        if action and action.asked_by_id != user.pk and not user.is_superuser:
            action.described = wording.described_plainly(action)
        return action

    def change_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Show the progress above the columns."""
        answer = super().change_view(request, *args, **kwargs)
        shown = getattr(answer, "context_data", None) or {}
        if (action := shown.get("original")) is not None:
            shown.update(_standing(action), may_cancel=self.may_cancel(request, action))
        return answer

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Answer with the part of the page that changes; end it with the action."""
        if not self.admin_site.has_permission(request):
            return HttpResponse("You are logged out. Load this page anew.", status=STOP)
        action = self._seen(request, pk)
        page = "admin/tom_share_worker/bulk_progress.html"
        answer = render(request, page, _standing(action))
        if action.is_ended:
            answer["HX-Refresh"] = "true"
        patch_cache_control(answer, no_store=True)
        return answer

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Go through no more rows."""
        action = self._seen(request, pk)
        if not action.is_ended and not self.may_cancel(request, action):
            raise PermissionDenied
        if bulk.cancel(action, request.user):
            messages.success(request, "It is cancelled; what was done stays done.")
        else:
            messages.warning(request, "It has ended, so nothing was cancelled.")
        return redirect(_CHANGE, pk)

    def _seen(self, request: HttpRequest, pk: int) -> BulkAction:
        action: BulkAction | None = self.get_object(request, str(pk))
        if action is None or not self.has_view_permission(request, action):
            raise Http404
        return action

    @admin.display(description="what")
    def what(self, action: BulkAction) -> str:
        """Say what was asked for; without names, which not everybody may see."""
        return f"{action.get_verb_display()} {wording.described_plainly(action)}"

    @admin.display(description="done")
    def progress(self, action: BulkAction) -> str:
        """Say how many rows are done."""
        return f"{action.done_count:,} of {action.total:,}"


def _standing(action: BulkAction) -> dict[str, Any]:
    """Say how an action stands, and why it waits if it does."""
    status = BulkAction.Status(action.status)
    waits = status == BulkAction.Status.QUEUED
    counted = wording.counted(action.total, action.rows)
    return {
        "action": action,
        "percent": percent(action),
        "counted": f"{action.done_count:,} of {counted} done",
        "standing": status.label,
        "note": words.sentence(action.note),
        "worker_note": notices.marked_up(notices.worker_note()) if waits else "",
    }
