"""The e-mail that tells a person what failed, or that a destination is paused.

Written by `operating.mail`, sent by a worker. It holds no text: what it says is read
from the rows when it is sent, so that nothing is told which a person may not view, or
which is mended by then.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Mail(models.Model):
    """One e-mail to one person: about the rows that were `told` at the time it was
    `created`.
    """

    class Kind(models.TextChoices):
        """What it tells."""

        FAILURES = "failures", "Failed shares and uploads"
        CONTINUOUS = "persistent shares", "Failures of persistent shares"
        PAUSE = "pause", "A paused destination"

    class Status(models.TextChoices):
        """How far it is. What is tried again is QUEUED with a later time."""

        QUEUED = "queued", "Queued"
        OPENING = "opening", "Reaching the mail server"
        SENDING = "sending", "Sending"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"
        NOT_NEEDED = "not needed", "Not needed any more"

    UNDER_WAY = (Status.OPENING, Status.SENDING)

    kind = models.CharField(max_length=20, choices=Kind)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="Who is told; their address is read when it is sent.",
    )
    address = models.CharField(
        max_length=254, blank=True, help_text="An address that the settings name."
    )
    destination = models.CharField(
        max_length=200, blank=True, help_text="The key of the destination it is about."
    )
    created = models.DateTimeField(help_text="The `told` of what it is about.")
    status = models.CharField(max_length=20, choices=Status, default=Status.QUEUED)
    next_attempt_at = models.DateTimeField(help_text="Not before this time.")
    attempt_count = models.PositiveSmallIntegerField(default=0)
    claimed = models.DateTimeField(null=True, help_text="When a worker took it up.")
    ended = models.DateTimeField(null=True)
    note = models.CharField(
        max_length=300, blank=True, help_text="How it stands, in words."
    )

    class Meta:
        ordering = ("-id",)
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["status", "next_attempt_at"], name="tsw_mail_due")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, e-mail {self.pk}"
