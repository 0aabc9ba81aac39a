"""The workers that were seen, so that pages can say when none is there."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.utils import timezone

SEEN_RECENTLY = timedelta(seconds=30)
"""A living worker signs every few seconds; three missed signs and it counts as gone."""


class Worker(models.Model):
    """One worker process by its Celery name, and its last sign of life."""

    name = models.CharField(max_length=200, unique=True)
    started = models.DateTimeField()
    seen = models.DateTimeField()

    class Meta:
        ordering = ("-seen",)

    def __str__(self) -> str:
        return self.name

    @property
    def is_alive(self) -> bool:
        """True if it gave a sign of life a moment ago."""
        return self.seen >= timezone.now() - SEEN_RECENTLY

    @classmethod
    def last_seen(cls) -> datetime | None:
        """Return when any worker was last seen, or None if none ever was."""
        last = cls.objects.order_by("-seen").first()
        return last.seen if last else None
