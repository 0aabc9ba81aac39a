"""The table of incoming data; called by `pages`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import django_tables2 as tables
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.html import format_html

from tom_share_worker import toolkit
from tom_share_worker.models import IngestJob
from tom_share_worker.status import words
from tom_share_worker.status.incoming import overview
from tom_share_worker.status.tables import TEXT, Table


def jobs(found: QuerySet[IngestJob]) -> QuerySet[IngestJob]:
    """Return jobs as their table needs them, without their large columns."""
    return found.defer("traceback", "groups").select_related("user")


class IngestJobTable(Table):
    """The list of what came in."""

    file_name = tables.Column("File", linkify=True, attrs=TEXT)
    status = tables.TemplateColumn(
        template_name="tom_share_worker/partials/ingest_job_status.html",
    )
    target_name = tables.Column("Target", attrs=TEXT)
    data_product_type = tables.Column("Type")
    origin = tables.Column("From", attrs=TEXT)
    created = tables.Column("Received (UTC)")
    datum_count = tables.Column("Data points")

    class Meta(Table.Meta):
        empty_text = "There is nothing to show."

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.viewable: set[int] = set()
        """The targets that the reader may view; set when the page is cut."""

    def render_target_name(self, record: IngestJob) -> str:
        """Lead to the target, where the reader may view it."""
        if record.target_id not in self.viewable:
            return record.target_name
        address = reverse("targets:detail", kwargs={"pk": record.target_id})
        return format_html('<a href="{}">{}</a>', address, record.target_name)

    def render_data_product_type(self, value: str) -> str:
        """Show what people call it."""
        return toolkit.data_product_type_title(value)

    def render_origin(self, record: IngestJob) -> str:
        """Say from whom it came, and by which way."""
        return f"{overview.person(record)}, {overview.way(record)}"

    def render_created(self, value: datetime) -> str:
        """Show the time in UTC, whatever the TOM's own time zone."""
        return words.stamp(value)

    def render_datum_count(self, record: IngestJob) -> str:
        """Count what was read, and what of it was new."""
        return overview.counted(record)
