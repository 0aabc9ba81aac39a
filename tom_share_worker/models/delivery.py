"""The delivery, one unit of work for one destination, and its attempts."""

from __future__ import annotations

from typing import Any

from django.db import models

from tom_share_worker import conf
from tom_share_worker.models.failure import Failure
from tom_share_worker.models.share import Share

WAITS_FOR_A_PERSON = "waits for a person"
"""How pages call what failed because a person must choose among targets there."""


class Delivery(models.Model):
    """A target, a data product, or a batch of data points of one target."""

    class Kind(models.TextChoices):
        """What is sent."""

        TARGET = "target", "Target"
        DATUMS = "data points", "Data points"
        DATA_PRODUCT = "data product", "Data product"
        MESSAGE = "message", "Message"

    class Status(models.TextChoices):
        """How far it is. A retry is QUEUED with a later `next_attempt_at`."""

        QUEUED = "queued", "Queued"
        SENDING = "sending", "Sending"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    share = models.ForeignKey(
        Share, on_delete=models.CASCADE, related_name="deliveries"
    )
    position = models.PositiveIntegerField(help_text="Its place in the share's order.")
    destination = models.CharField(max_length=200)
    kind = models.CharField(max_length=20, choices=Kind)
    target = models.ForeignKey(
        "tom_targets.BaseTarget",
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    target_name = models.CharField(max_length=100)
    data_product = models.ForeignKey(
        "tom_dataproducts.DataProduct",
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    after = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.SET_NULL,
        related_name="followers",
        help_text="The delivery of the target, which must arrive before its data.",
    )

    status = models.CharField(max_length=20, choices=Status, default=Status.QUEUED)
    created = models.DateTimeField(auto_now_add=True)
    ended = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField(help_text="Not before this time.")
    attempt_count = models.PositiveIntegerField(
        default=0, help_text="Attempts that count against the retry schedule."
    )
    lost_count = models.PositiveSmallIntegerField(
        default=0, help_text="How often its worker was lost in the middle."
    )
    hinted_at = models.DateTimeField(null=True, help_text="When a worker was told.")
    claim = models.CharField(
        max_length=32, blank=True, help_text="The token of the worker that has it."
    )
    lease_until = models.DateTimeField(null=True, help_text="When the claim lapses.")
    failure = models.CharField(max_length=30, choices=Failure, blank=True)
    note = models.TextField(blank=True, help_text="How it stands, in words.")
    link = models.CharField(
        max_length=500, blank=True, help_text="Where people see it at the other side."
    )
    receipt = models.CharField(
        max_length=500,
        blank=True,
        help_text="Where the other side tells what becomes of what it received.",
    )

    ledger: models.JSONField[list[Any], list[Any]] = models.JSONField(
        default=list,
        help_text="The fate of each data point: [[type, id, fate, reason], …].",
    )
    datum_count = models.PositiveIntegerField(default=0)
    delivered_count = models.PositiveIntegerField(default=0)
    already_there_count = models.PositiveIntegerField(default=0)
    refused_count = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("share_id", "position")
        verbose_name_plural = "deliveries"
        constraints = [
            # Planning a chunk twice must not send it twice.
            models.UniqueConstraint(
                fields=["share", "position"], name="tsw_delivery_position"
            )
        ]
        indexes = [
            # What dispatch asks: due rows of one destination, oldest first.
            models.Index(
                fields=["destination", "status", "next_attempt_at"],
                name="tsw_delivery_due",
            ),
            models.Index(fields=["status", "lease_until"], name="tsw_delivery_lease"),
            models.Index(fields=["destination", "hinted_at"], name="tsw_delivery_hint"),
            # Files that were received and are looked at again, each second.
            models.Index(fields=["status", "receipt"], name="tsw_delivery_followed"),
            # Is anything of this share still under way?
            models.Index(fields=["share", "status"], name="tsw_delivery_share"),
            # What ended when, and how: the charts and counts for operators.
            models.Index(
                fields=["ended", "status", "failure"],
                condition=models.Q(ended__isnull=False),
                name="tsw_delivery_ended",
            ),
            # What failed, and waits for somebody to mend its cause.
            models.Index(
                fields=["failure", "destination", "ended"],
                condition=models.Q(status="failed"),
                name="tsw_delivery_failed",
            ),
            # What arrived, though not whole: refused data that somebody must mend.
            models.Index(
                fields=["destination"],
                condition=models.Q(status="delivered", refused_count__gt=0),
                name="tsw_delivery_refused",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.what} to {self.destination_name}"

    @property
    def destination_name(self) -> str:
        """Return what people call the destination."""
        return conf.display_name(self.destination)

    @property
    def standing(self) -> str:
        """Return the status as people read it: some failures wait for their choice."""
        waits = self.failure == Failure.AMBIGUOUS_TARGET
        if waits and self.status == self.Status.FAILED:
            return WAITS_FOR_A_PERSON
        return self.status

    @property
    def what(self) -> str:
        """Return what is sent, in words."""
        if self.kind == self.Kind.DATUMS:
            points = "data point" if self.datum_count == 1 else "data points"
            return f"{self.datum_count} {points} of {self.target_name}"
        if self.kind == self.Kind.DATA_PRODUCT:
            return f"data product {self.data_product or '(deleted)'}"
        if self.kind == self.Kind.MESSAGE:
            return f"message on {self.target_name}"
        return f"target {self.target_name}"


class Attempt(models.Model):
    """One try at a delivery: written before the call, completed after it."""

    class Outcome(models.TextChoices):
        """How the try ended; empty while it runs."""

        DELIVERED = "delivered", "Delivered"
        TRY_AGAIN = "try again", "To be tried again"
        FAILED = "failed", "Failed"
        WAITING = "waiting", "Waits for the destination"
        RECEIVED = "received", "Received, not processed yet"
        CANCELLED = "cancelled", "Cancelled"
        STOPPED = "stopped", "Worker was stopped"
        LOST = "worker lost", "Worker was lost"

    delivery = models.ForeignKey(
        Delivery, on_delete=models.CASCADE, related_name="attempts"
    )
    number = models.PositiveIntegerField()
    claim = models.CharField(max_length=32)
    worker = models.CharField(max_length=200, blank=True)
    task_id = models.CharField(max_length=255, blank=True)
    started = models.DateTimeField()
    ended = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=20, choices=Outcome, blank=True)
    failure = models.CharField(max_length=30, choices=Failure, blank=True)
    request = models.CharField(
        max_length=500, blank=True, help_text="The last request: method and address."
    )
    status_code = models.PositiveSmallIntegerField(null=True)
    answer = models.TextField(
        blank=True, help_text="The answer, cut short and cleaned of secrets."
    )
    note = models.TextField(blank=True, help_text="What happened, in words.")

    class Meta:
        ordering = ("delivery_id", "number")
        constraints = [
            models.UniqueConstraint(
                fields=["delivery", "number"], name="tsw_attempt_number"
            )
        ]
        indexes = [
            models.Index(
                fields=["started"],
                condition=models.Q(ended=None),
                name="tsw_attempt_open",
            ),
            # The admin's list of attempts: of an outcome, of a cause, since a time.
            models.Index(fields=["outcome", "-id"], name="tsw_attempt_outcome"),
            models.Index(
                fields=["failure", "-id"],
                condition=models.Q(failure__gt=""),
                name="tsw_attempt_cause",
            ),
            models.Index(fields=["started"], name="tsw_attempt_started"),
            # What came of the attempts of the last hour.
            models.Index(
                fields=["ended", "outcome"],
                condition=models.Q(ended__isnull=False),
                name="tsw_attempt_ended",
            ),
            # What went wrong when: the chart for operators.
            models.Index(
                fields=["ended", "failure"],
                condition=models.Q(failure__gt=""),
                name="tsw_attempt_failed",
            ),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} at delivery {self.delivery_id}"
