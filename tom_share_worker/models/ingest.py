"""The ingest job: the processing of one incoming data product; and why it may fail."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse


class IngestFailure(models.TextChoices):
    """Why a data product could not be processed; a closed set, each with its cure."""

    UNREADABLE = "unreadable file", "Unreadable file"
    TIME_LIMIT = "time limit", "Time limit"
    MEMORY_LIMIT = "memory limit", "Memory limit"
    WORKER_LOST = "worker lost", "Worker lost"
    FILE_MISSING = "file missing", "File missing"
    BAD_CONFIGURATION = "bad configuration", "Bad configuration"
    OUR_FAULT = "our fault", "Our fault"

    @property
    def cure(self) -> str:
        """Return the sentence that tells a person what to do."""
        return _CURES[self]


_CURES = {
    IngestFailure.UNREADABLE: (
        "The file was kept, but no data could be read from it. Check that it has the "
        "format of its data product type, and upload a corrected file; if the fault is "
        "in this TOM's data processor, press Reprocess when that is mended."
    ),
    IngestFailure.TIME_LIMIT: (
        "The file was kept, but reading it takes longer than this TOM allows. Upload "
        "it in parts, or ask an administrator of this TOM to raise INGEST_TIME_LIMIT; "
        "then press Reprocess."
    ),
    IngestFailure.MEMORY_LIMIT: (
        "The file was kept, but reading it needs more memory than this TOM allows. "
        "Upload it in parts, or ask an administrator of this TOM to raise "
        "INGEST_MEMORY_LIMIT; then press Reprocess."
    ),
    IngestFailure.WORKER_LOST: (
        "The file was kept, but each time it was read the process that read it broke "
        "down, so it was set aside. Ask an administrator of this TOM to look at the "
        "worker's log, then press Reprocess."
    ),
    IngestFailure.FILE_MISSING: (
        "The file of this data product is no longer in this TOM's storage. Ask an "
        "administrator of this TOM to bring it back, then press Reprocess; or upload "
        "it again."
    ),
    IngestFailure.BAD_CONFIGURATION: (
        "A setting of this TOM is wrong. Ask an administrator of this TOM to correct "
        "it and to restart the web server and the worker, then press Reprocess."
    ),
    IngestFailure.OUR_FAULT: (
        "This TOM could not process the file, which was kept. Ask an administrator of "
        "this TOM to look at the worker's log, then press Reprocess."
    ),
}


class IngestJob(models.Model):
    """The processing of one incoming data product: one row for each upload."""

    class Status(models.TextChoices):
        """How far it is. What is tried again is QUEUED with a later time."""

        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    ENDED = (Status.DONE, Status.FAILED, Status.CANCELLED)

    class Origin(models.TextChoices):
        """By which way the file came."""

        API = "api", "The REST API"
        FORM = "form", "A page of this TOM"
        TOM = "tom", "Another TOM"

    data_product = models.ForeignKey(
        "tom_dataproducts.DataProduct",
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    target = models.ForeignKey(
        "tom_targets.BaseTarget",
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    target_name = models.CharField(max_length=100)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="ingest_jobs",
        help_text="Whose account uploaded it.",
    )
    origin = models.CharField(max_length=20, choices=Origin, default=Origin.API)
    groups: models.JSONField[list[int], list[int]] = models.JSONField(
        default=list,
        blank=True,
        help_text="Ids of the groups that may view the product and its data.",
    )
    file_name = models.CharField(max_length=300)
    data_product_type = models.CharField(max_length=50)
    size = models.BigIntegerField(default=0, help_text="Bytes of the file.")
    sha256 = models.CharField(
        max_length=64, blank=True, help_text="Digest of the file as it arrived."
    )

    status = models.CharField(max_length=20, choices=Status, default=Status.QUEUED)
    created = models.DateTimeField(auto_now_add=True)
    started = models.DateTimeField(null=True, help_text="When it was last taken up.")
    ended = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField(help_text="Not before this time.")
    attempt_count = models.PositiveIntegerField(
        default=0, help_text="How often it was taken up since a person asked for it."
    )
    lost_count = models.PositiveSmallIntegerField(
        default=0, help_text="How often its process was lost in the middle."
    )
    hinted_at = models.DateTimeField(null=True, help_text="When a worker was told.")
    claim = models.CharField(
        max_length=32, blank=True, help_text="The token of the worker that has it."
    )
    lease_until = models.DateTimeField(null=True, help_text="When the claim lapses.")
    seen = models.DateTimeField(
        null=True, help_text="When the person saw that it had ended."
    )
    told = models.DateTimeField(
        null=True, help_text="When the person was sent an e-mail about its end."
    )
    worker = models.CharField(max_length=200, blank=True)
    task_id = models.CharField(max_length=255, blank=True)
    hook_ran = models.BooleanField(
        default=False, help_text="This TOM's own hook for uploads has run."
    )

    datum_count = models.PositiveIntegerField(
        default=0, help_text="Data points that were read from the file."
    )
    new_count = models.PositiveIntegerField(
        default=0, help_text="Of them, those that this TOM did not have yet."
    )
    stored_ids: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(
        default=dict,
        blank=True,
        help_text="Ids of the data points made of the file: {type: [first, last]}.",
    )
    failure = models.CharField(max_length=30, choices=IngestFailure, blank=True)
    note = models.TextField(blank=True, help_text="How it stands, in words.")
    traceback = models.TextField(
        blank=True, help_text="Where it failed, for those who run this TOM."
    )

    class Meta:
        ordering = ("-id",)
        constraints = [
            # What comes twice by its product id is processed once.
            models.UniqueConstraint(
                fields=["data_product"],
                condition=models.Q(data_product__isnull=False),
                name="tsw_ingest_product",
            )
        ]
        indexes = [
            # What is due, the oldest first; and the claims that lapsed.
            models.Index(fields=["status", "next_attempt_at"], name="tsw_ingest_due"),
            models.Index(fields=["status", "lease_until"], name="tsw_ingest_lease"),
            # What the pages and the API list and count.
            models.Index(fields=["user", "-id"], name="tsw_ingest_user"),
            models.Index(fields=["user", "status", "-id"], name="tsw_ingest_own"),
            models.Index(fields=["status", "-id"], name="tsw_ingest_status"),
            # What ended when, and how: the charts for operators.
            models.Index(
                fields=["ended", "status"],
                condition=models.Q(ended__isnull=False),
                name="tsw_ingest_ended",
            ),
            # The badge in the navigation bar, on every page of the TOM.
            models.Index(
                fields=["user"],
                condition=models.Q(status="failed", seen=None),
                name="tsw_ingest_unseen",
            ),
            # Whom the sweep tells by e-mail.
            models.Index(
                fields=["ended"],
                condition=models.Q(status="failed", told=None),
                name="tsw_ingest_untold",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.file_name} of {self.target_name}"

    def get_absolute_url(self) -> str:
        """Return the address of the page that shows this job."""
        return reverse("tom_share_worker:ingest-job", kwargs={"pk": self.pk})

    @property
    def is_ended(self) -> bool:
        """True when nothing more happens to it by itself."""
        return self.status in self.ENDED

    @property
    def cure(self) -> str:
        """Return what a person can do about its failure; nothing where all is well."""
        return IngestFailure(self.failure).cure if self.failure else ""


class ReceivedBatch(models.Model):
    """A batch of data points from another TOM, by its Idempotency-Key.

    Written before the batch is stored, completed with the answer in the transaction
    that stores it, so that a repeat gets the same answer and stores nothing.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    key = models.CharField(max_length=200)
    digest = models.CharField(max_length=64, help_text="SHA-256 of the body.")
    token = models.CharField(max_length=32, help_text="Of the request that stores it.")
    begun = models.DateTimeField()
    answer: models.JSONField[Any, Any] = models.JSONField(
        null=True, help_text="What was answered; empty while it is being stored."
    )

    class Meta:
        verbose_name_plural = "received batches"
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="tsw_received_key")
        ]
        indexes = [models.Index(fields=["begun"], name="tsw_received_begun")]

    def __str__(self) -> str:
        return f"batch {self.key}"
