"""The test of a connection: asked for by a person, made by a worker."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from tom_share_worker import conf


class ConnectionTest(models.Model):
    """One look at a destination, and what was found, in words."""

    destination = models.CharField(max_length=200)
    asked = models.DateTimeField(auto_now_add=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    started = models.DateTimeField(null=True, help_text="When a worker took it.")
    ended = models.DateTimeField(null=True)
    findings: models.JSONField[list[Any], list[Any]] = models.JSONField(
        default=list,
        blank=True,
        help_text="What was found: [[question, fate, sentence], …].",
    )

    class Meta:
        ordering = ("-pk",)
        indexes = [
            # The last test of a destination, for the page.
            models.Index(fields=["destination", "-id"], name="tsw_connection_last"),
            # What the sweep asks: tests that nobody has made to their end.
            models.Index(
                fields=["asked"],
                condition=models.Q(ended=None),
                name="tsw_connection_open",
            ),
        ]

    def __str__(self) -> str:
        return f"test of the connection to {conf.display_name(self.destination)}"
