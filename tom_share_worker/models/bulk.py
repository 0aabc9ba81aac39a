"""The bulk action: one verb for all rows that match a filter, in the background."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models


class BulkAction(models.Model):
    """What an operator pressed once for many rows; a worker goes through them."""

    class Verb(models.TextChoices):
        """What is done with each row."""

        RETRY = "retry", "Retry"
        CANCEL = "cancel", "Cancel"
        REPROCESS = "reprocess", "Reprocess"

    class Rows(models.TextChoices):
        """Which rows it goes through."""

        SHARES = "shares", "Shares"
        DELIVERIES = "deliveries", "Deliveries"
        INGEST_JOBS = "ingest jobs", "Ingest jobs"

    class Status(models.TextChoices):
        """How far it is."""

        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    ENDED = (Status.DONE, Status.FAILED, Status.CANCELLED)

    verb = models.CharField(max_length=20, choices=Verb)
    rows = models.CharField(max_length=20, choices=Rows)
    filters: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(
        default=dict, help_text="Which rows: the filter that was shown, by names."
    )
    described = models.CharField(
        max_length=500, blank=True, help_text="The filter in words."
    )
    last_pk = models.BigIntegerField(
        default=0, help_text="The newest row there was; later ones are left alone."
    )
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Who asked for it, and whose permissions hold.",
    )
    status = models.CharField(max_length=20, choices=Status, default=Status.QUEUED)
    created = models.DateTimeField(auto_now_add=True)
    started = models.DateTimeField(null=True, help_text="When a worker first took it.")
    ended = models.DateTimeField(null=True)
    total = models.PositiveIntegerField(default=0, help_text="Rows that matched.")
    done_count = models.PositiveIntegerField(default=0, help_text="Rows it changed.")
    left_count = models.PositiveIntegerField(
        default=0, help_text="Rows it left alone, as the verb does not fit them."
    )
    cursor = models.BigIntegerField(
        default=0, help_text="The row up to which it has come."
    )
    claim = models.CharField(
        max_length=32, blank=True, help_text="The token of the worker that has it."
    )
    lease_until = models.DateTimeField(null=True, help_text="When the claim lapses.")
    task_id = models.CharField(
        max_length=255, blank=True, help_text="The Celery task that took it up last."
    )
    failing_since = models.DateTimeField(
        null=True, help_text="Since when it fails; empty when it does not."
    )
    note = models.TextField(blank=True, help_text="How it stands, in words.")

    class Meta:
        ordering = ("-id",)
        indexes = [models.Index(fields=["status"], name="tsw_bulk_status")]

    def __str__(self) -> str:
        return f"{self.get_verb_display()} {self.described or self.rows}"

    @property
    def is_ended(self) -> bool:
        """True when it goes through no more rows."""
        return self.status in self.ENDED
