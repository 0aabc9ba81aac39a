"""Incoming data in Django's admin: to be read, searched, and acted on by two verbs."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import Truncator

from tom_share_worker.ingest import actions
from tom_share_worker.models import IngestJob
from tom_share_worker.status.admin import ReadOnly
from tom_share_worker.status.incoming import overview


@admin.register(IngestJob)
class IngestJobAdmin(ReadOnly):
    """What came in, and what became of it."""

    list_display = (
        *("file", "target_name", "data_product_type", "status", "failure"),
        *("data_points", "user", "origin", "attempt_count", "created", "ended"),
    )
    list_filter = ("status", "failure", "origin", "data_product_type", "created")
    list_select_related = ("user",)
    search_fields = ("file_name", "target_name", "note", "user__username")
    readonly_fields = ("created", "celery_result")
    hidden = ("claim",)
    actions = ("reprocess", "cancel")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave out what only the page of a job shows, where it costs one look."""
        return super().get_queryset(request).defer("claim", "traceback", "groups")

    @admin.display(description="file", ordering="file_name")
    def file(self, job: IngestJob) -> str:
        """Show its name, cut short so that the other columns stay in sight."""
        return Truncator(job.file_name).chars(50)

    @admin.display(description="data points")
    def data_points(self, job: IngestJob) -> str:
        """Count what was read, and what of it was new."""
        return overview.counted(job)

    @admin.display(description="result in Celery")
    def celery_result(self, job: IngestJob) -> str:
        """Lead to what Celery has recorded of the task that took it up last."""
        if not job.task_id or not apps.is_installed("django_celery_results"):
            return "—"
        model = apps.get_model("django_celery_results", "TaskResult")
        found = model._default_manager.filter(task_id=job.task_id).first()
        if found is None or not self.admin_site.is_registered(model):
            return "—"
        page = "admin:django_celery_results_taskresult_change"
        address = reverse(page, args=[found.pk])
        return format_html('<a href="{}">{}</a>', address, found.status)

    @admin.action(description="Reprocess", permissions=["act"])
    def reprocess(self, request: HttpRequest, queryset: QuerySet[IngestJob]) -> None:
        """Process again what has ended."""
        asked = queryset.count()
        done = actions.reprocess(queryset)
        self.tell(request, done, asked - done, "will be processed again")

    @admin.action(description="Cancel", permissions=["act"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[IngestJob]) -> None:
        """Process them no more; their files are kept."""
        asked = queryset.count()
        done = actions.cancel(queryset)
        self.tell(request, done, asked - done, "cancelled")
