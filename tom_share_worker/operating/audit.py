"""What a person did with rows, in the log that Django's admin shows.

Called by bulk actions, by the admin's lists, and by whatever pauses a destination.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.db.models import Model


def record(user: Any, rows: Iterable[Model], said: str) -> None:
    """Write down that a person did this with these rows."""
    if user is None or not apps.is_installed("django.contrib.admin"):
        return
    from django.contrib.admin.models import CHANGE, LogEntry

    if found := list(rows):
        LogEntry.objects.log_actions(user.pk, found, CHANGE, said)
