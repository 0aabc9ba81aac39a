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
    delivers = models.BooleanField(default=True, help_text="It sends deliveries.")
    ingests = models.BooleanField(
        default=False, help_text="It processes incoming data products."
    )

    class Meta:
        ordering = ("-seen",)

    def __str__(self) -> str:
        return self.name

    @property
    def is_alive(self) -> bool:
        """True if it gave a sign of life a moment ago."""
        return self.seen >= timezone.now() - SEEN_RECENTLY

    @classmethod
    def last_seen(cls, **what: bool) -> datetime | None:
        """Return when a worker that does this was last seen, or None if none ever was.

        `what` is delivers=True or ingests=True.
        """
        last = cls.objects.filter(**what).order_by("-seen").first()
        return last.seen if last else None


class TaskStatus(Worker):
    """No rows of its own: the entry in the admin's index that opens the overview."""

    class Meta:
        proxy = True
        default_permissions = ()  # Who may view deliveries may view their numbers.
        verbose_name = "task status"
        # The index sorts by name, and this is where one begins.
        verbose_name_plural = "at a glance: task status"
