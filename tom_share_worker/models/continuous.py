"""What continuous sharing keeps beside the host's persistent shares.

Saved data points wait here until they are gathered into shares.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models


class SavedDatum(models.Model):
    """A data point that was saved and is to go where its persistent share says.

    Written right after the data point, in the same transaction if there is one, a row
    for each persistent share of its target; dropped once a share names it.
    """

    persistent_share = models.ForeignKey(
        "tom_targets.PersistentShare",
        on_delete=models.CASCADE,
        related_name="+",
        # Else the commit of whatever saves data fails where it is deleted meanwhile.
        db_constraint=False,
    )
    kind = models.CharField(max_length=20)
    datum_pk = models.BigIntegerField()
    saved = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("pk",)
        verbose_name_plural = "saved data"
        indexes = [
            # The oldest and the newest of a persistent share.
            models.Index(fields=["persistent_share", "id"], name="tsw_saved_share")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.datum_pk}"


class PersistentShareTerms(models.Model):
    """What a person has limited a persistent share to; without a row, nothing."""

    persistent_share = models.OneToOneField(
        "tom_targets.PersistentShare", on_delete=models.CASCADE, related_name="+"
    )
    kinds: models.JSONField[list[Any], list[Any]] = models.JSONField(
        default=list, blank=True, help_text="Types of data to share; empty means all."
    )
    until = models.DateTimeField(
        null=True, blank=True, help_text="Data saved later is not shared."
    )
    paused = models.BooleanField(
        default=False, help_text="What is saved meanwhile waits."
    )
    paused_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    changed = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "persistent share terms"

    def __str__(self) -> str:
        return f"terms of persistent share {self.persistent_share_id}"
