"""The list of incoming data: what one uploaded, and what others sent.

Called through `urls`.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.db.models import Q, QuerySet
from django.views.generic import TemplateView

from tom_share_worker.ingest import visibility
from tom_share_worker.models import IngestJob
from tom_share_worker.status import filtering, notices
from tom_share_worker.status.incoming import overview, tables
from tom_share_worker.status.tables import paginated

MINE, OF_OTHERS = "mine", "others"


class IngestJobFilters(filtering.PageFilters):
    """By what the list may be narrowed."""

    whose = filtering.choice(
        "From whom",
        [(MINE, "Uploaded by me"), (OF_OTHERS, "What others sent me")],
        method="from_whom",
        empty_label="All that I may see",
    )
    status = filtering.choice("Status", IngestJob.Status.choices)
    origin = filtering.choice("How it came", IngestJob.Origin.choices)
    sender = filtering.text("Sender's account", "sent_by")
    q = filtering.text("File or target", "naming")
    since = filtering.day("Received from (UTC)", "created")
    until = filtering.day("Up to (UTC)", "created", last=True)
    target = filtering.target("about")

    shown = ("whose", "status", "origin", "sender", "q", "since", "until")

    def about(
        self, found: QuerySet[IngestJob], _: str, value: Any
    ) -> QuerySet[IngestJob]:
        """Narrow to a target."""
        return found.filter(target=int(value))

    def from_whom(
        self, found: QuerySet[IngestJob], _: str, value: str
    ) -> QuerySet[IngestJob]:
        """Narrow to one's own uploads, or to those of others."""
        mine = Q(user_id=self.request.user.pk)
        return found.filter(mine if value == MINE else ~mine | Q(user=None))

    def sent_by(
        self, found: QuerySet[IngestJob], _: str, value: str
    ) -> QuerySet[IngestJob]:
        """Narrow by a part of the name of the account it came with."""
        return found.filter(user__username__icontains=value)

    def naming(
        self, found: QuerySet[IngestJob], _: str, value: str
    ) -> QuerySet[IngestJob]:
        """Narrow by a part of the name of the file or the target."""
        return found.filter(
            Q(file_name__icontains=value) | Q(target_name__icontains=value)
        )


class IngestJobList(LoginRequiredMixin, TemplateView):
    """The incoming data a person may see, the newest first."""

    template_name = "tom_share_worker/ingest_job_list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Gather the table, the filters, and the word about workers."""
        user = self.request.user
        visible = visibility.visible_jobs(user)
        chosen = IngestJobFilters(
            self.request.GET or None, visible, request=self.request
        )
        table = paginated(self.request, tables.IngestJobTable(tables.jobs(chosen.qs)))
        shown = [row.record.target_id for row in table.paginated_rows]
        table.viewable = overview.viewable(user, shown)
        waits = visible.filter(status=IngestJob.Status.QUEUED).exists()
        note = notices.ingest_worker_note(user) if waits else ""
        return super().get_context_data(
            table=table,
            filter=chosen,
            filtered=chosen.filtered,
            target=filtering.named_target(chosen),
            worker_note=notices.marked_up(note),
            **kwargs,
        )
