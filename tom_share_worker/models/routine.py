"""What workers do again and again, and when it was last done to its end.

Written by `operating`, so that pages and machines can tell when nobody looks any more.
"""

from __future__ import annotations

from datetime import datetime

from django.db import models


class Routine(models.Model):
    """One such thing by its name: when it was begun and ended last, by any worker."""

    SWEEP = "sweep"
    """The look for what the hints missed, in all rooms."""

    PRUNING = "pruning"
    """Deleting rows that were kept long enough."""

    MAILING = "mailing"
    """Sending e-mails: there, and begun, since when they are switched on."""

    name = models.CharField(max_length=50, unique=True)
    begun = models.DateTimeField(null=True)
    ended = models.DateTimeField(null=True, help_text="Empty while it is under way.")
    lease_until = models.DateTimeField(
        null=True, help_text="Until when one worker has it to itself."
    )

    class Meta:
        ordering = ("name",)
        default_permissions = ()  # No page shows these rows as such.

    def __str__(self) -> str:
        return self.name

    @classmethod
    def last_ended(cls, name: str) -> datetime | None:
        """Return when it was last done to its end, or None if it never was."""
        row = cls.objects.filter(name=name).only("ended").first()
        return row.ended if row else None
