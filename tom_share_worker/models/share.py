"""The share: what a person or program asked for, one row for one click."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse

from tom_share_worker import conf


class Share(models.Model):
    """One click: what to share, with which destination, asked by whom."""

    class Kind(models.TextChoices):
        """What is shared."""

        TARGET = "target", "Target"
        TARGETS = "targets", "Selected targets"
        TARGET_LIST = "target list", "Target list"
        TARGET_DATA = "target data", "All data of a target"
        DATUMS = "data points", "Selected data"
        DATA_PRODUCT = "data product", "Data product"

    class Origin(models.TextChoices):
        """By which way it was asked for."""

        FORM = "form", "A page of this TOM"
        API = "api", "The REST API"
        COMMAND = "command", "A command"
        PERSISTENT_SHARE = "persistent share", "A persistent share"

    class Status(models.TextChoices):
        """How far it is; derived from the deliveries by `delivery.closing`."""

        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DELIVERED = "delivered", "Delivered"
        PARTLY = "partly delivered", "Partly delivered"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    ENDED = (Status.DELIVERED, Status.PARTLY, Status.FAILED, Status.CANCELLED)

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="shares",
        help_text="The person who asked for it.",
    )
    origin = models.CharField(max_length=20, choices=Origin, default=Origin.FORM)
    persistent_share = models.ForeignKey(
        "tom_targets.PersistentShare",
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="The persistent share that asked for it, as long as it exists.",
    )
    idempotency_key = models.CharField(
        max_length=200, blank=True, help_text="By which a program knows its request."
    )
    request_digest = models.CharField(
        max_length=64, blank=True, help_text="What that request asked, as a digest."
    )
    destination = models.CharField(
        max_length=200, help_text="The key of the destination in DATA_SHARING."
    )
    kind = models.CharField(max_length=20, choices=Kind)
    subject = models.CharField(
        max_length=300, help_text="What is shared, in words, as it was named then."
    )
    target = models.ForeignKey(
        "tom_targets.BaseTarget",
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    target_list = models.ForeignKey(
        "tom_targets.TargetList", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    data_product = models.ForeignKey(
        "tom_dataproducts.DataProduct",
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    selection: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(
        default=dict,
        help_text="The ticked ids by what they are: targets, photometry, spectroscopy, "
        "astrometry, generic, data_products.",
    )
    with_data = models.BooleanField(
        default=False, help_text="Share the data of the listed targets, too."
    )
    title = models.CharField(max_length=300, blank=True)
    message = models.TextField(blank=True)
    authors = models.TextField(blank=True, help_text="Who a message names as authors.")

    status = models.CharField(max_length=20, choices=Status, default=Status.QUEUED)
    created = models.DateTimeField(auto_now_add=True)
    ended = models.DateTimeField(null=True)
    note = models.TextField(
        blank=True, help_text="What was left out while planning, and why."
    )

    seen = models.DateTimeField(
        null=True, help_text="When the person saw that it had ended."
    )
    told = models.DateTimeField(
        null=True, help_text="When the person was sent an e-mail about its end."
    )

    planned = models.BooleanField(
        default=False, help_text="All deliveries of this share exist."
    )
    plan_task_id = models.CharField(
        max_length=255,
        blank=True,
        default="",
        db_default="",  # the release before, running beside this one, does not know it
        help_text="The Celery task that planned it last.",
    )
    plan_failing_since = models.DateTimeField(
        null=True, help_text="Since when planning fails; empty when it does not."
    )
    plan_step = models.PositiveIntegerField(
        default=0, help_text="Chunks planned so far; guards against planning one twice."
    )
    plan_cursor: models.JSONField[Any, Any] = models.JSONField(
        null=True, help_text="Where the next chunk begins."
    )

    class Meta:
        ordering = ("-id",)
        permissions = [
            ("operate", "May retry, cancel, reprocess, pause and test for others")
        ]
        constraints = [
            # A program that repeats a request, as its answer was lost, shares once.
            models.UniqueConstraint(
                fields=["user", "idempotency_key"],
                condition=~models.Q(idempotency_key=""),
                name="tsw_share_idempotency",
            )
        ]
        indexes = [
            models.Index(fields=["user", "-id"], name="tsw_share_user"),
            models.Index(fields=["status"], name="tsw_share_status"),
            # The badge in the navigation bar, on every page of the TOM.
            models.Index(
                fields=["user"],
                condition=models.Q(
                    status__in=["failed", "partly delivered"], seen=None
                ),
                name="tsw_share_unseen",
            ),
            # Whom the sweep tells by e-mail.
            models.Index(
                fields=["ended"],
                condition=models.Q(
                    status__in=["failed", "partly delivered"], told=None
                ),
                name="tsw_share_untold",
            ),
        ]

    def __str__(self) -> str:
        # As `delivery.visibility` has annotated it for who reads it, if it has.
        hides = getattr(self, "hides", False)
        what = self.get_kind_display() if hides else self.subject
        return f"{what} to {self.destination_name}"

    def get_absolute_url(self) -> str:
        """Return the address of the page that shows this share."""
        return reverse("tom_share_worker:share-detail", kwargs={"pk": self.pk})

    @property
    def destination_name(self) -> str:
        """Return what people call the destination."""
        return conf.display_name(self.destination)

    @property
    def is_ended(self) -> bool:
        """True when nothing of it is under way or waits."""
        return self.status in self.ENDED
