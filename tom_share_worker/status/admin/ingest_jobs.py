"""Incoming data in Django's admin: to be read, searched, and acted on by two verbs."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import Truncator

from tom_share_worker.ingest import visibility
from tom_share_worker.models import BulkAction, IngestJob
from tom_share_worker.operating import matching
from tom_share_worker.status.admin import filters
from tom_share_worker.status.admin.base import link, preformatted
from tom_share_worker.status.admin.celery_results import OfTasks
from tom_share_worker.status.admin.verbs import Acted, Verb
from tom_share_worker.status.incoming import overview


@admin.register(IngestJob)
class IngestJobAdmin(Acted, OfTasks):
    """What came in, and what became of it."""

    rows = BulkAction.Rows.INGEST_JOBS
    verbs = (Verb.REPROCESS, Verb.CANCEL)
    list_display = (
        *("file", "of_target", "status", "failure", "data_points", "user", "created"),
        *("ended", "type", "origin", "attempts", "celery_link"),
    )
    list_filter = (
        *(filters.STATUS, filters.CAUSE, filters.CREATED, filters.ENDED),
        *(filters.KIND, filters.ORIGIN, filters.REQUESTER, *filters.GIVEN),
    )
    list_select_related = ("user",)
    search_fields = matching.SEARCHED[rows]
    readonly_fields = ("created", "page", "where_it_failed", "celery_result")
    hidden = ("claim", "traceback", "seen", "told", "stored_ids", "groups")
    actions = ("reprocess", "cancel")

    @admin.display(description="file", ordering="file_name")
    def file(self, job: IngestJob) -> str:
        """Show its name, cut short so that the other columns stay in sight."""
        return Truncator(job.file_name).chars(50)

    @admin.display(description="target", ordering="target_name")
    def of_target(self, job: IngestJob) -> str:
        """Show its name, without a query for each row."""
        return job.target_name

    @admin.display(description="type", ordering="data_product_type")
    def type(self, job: IngestJob) -> str:
        """Show the type of data product."""
        return job.data_product_type

    @admin.display(description="attempts", ordering="attempt_count")
    def attempts(self, job: IngestJob) -> int:
        """Show how often it was taken up."""
        return job.attempt_count

    @admin.display(description="data points")
    def data_points(self, job: IngestJob) -> str:
        """Count what was read, and what of it was new."""
        return overview.counted(job)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show where in the code it failed to operators only."""
        fields = super().get_fields(request, obj)
        if visibility.operates(request.user):
            return fields
        return [name for name in fields if name != "where_it_failed"]

    @admin.display(description="where it failed")
    def where_it_failed(self, job: IngestJob) -> str:
        """Show the traceback, which only the page of a job loads."""
        return preformatted(job.traceback)

    @admin.display(description="page")
    def page(self, job: IngestJob) -> str:
        """Lead to what the person who uploaded it sees."""
        return link(job.get_absolute_url(), "Its page in this TOM")

    @admin.action(description="Reprocess", permissions=["act"])
    def reprocess(self, request: HttpRequest, queryset: QuerySet[IngestJob]) -> Any:
        """Process again what has ended."""
        return self.act(request, queryset, Verb.REPROCESS)

    @admin.action(description="Cancel", permissions=["act"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[IngestJob]) -> Any:
        """Process them no more; their files are kept."""
        return self.act(request, queryset, Verb.CANCEL)
