"""The bulk actions under way, and those that ended lately; a part of the overview."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from tom_share_worker.models import BulkAction
from tom_share_worker.operating import wording

SHOWN = 10
LATELY = timedelta(hours=1)


@dataclass(frozen=True)
class Progress:
    """One bulk action as the overview shows it."""

    pk: int
    name: str
    person: str
    status: str
    under_way: bool
    done: int
    total: int
    note: str

    @property
    def counted(self) -> str:
        """Say how many rows are done."""
        return f"{self.done:,} of {self.total:,}"

    @property
    def percent(self) -> int:
        """Return how far it is."""
        return min(100, 100 * self.done // self.total) if self.total else 100


def actions(now: datetime) -> list[Progress]:
    """Return those that have not ended, or ended lately; the newest first."""
    lately = Q(ended__gte=now - LATELY)
    open_ = Q(status__in=[BulkAction.Status.QUEUED, BulkAction.Status.RUNNING])
    found = BulkAction.objects.filter(open_ | lately).select_related("asked_by")
    return [_progress(action) for action in found.order_by("-pk")[:SHOWN]]


def _progress(action: BulkAction) -> Progress:
    return Progress(
        pk=action.pk,
        # Without what may name a target that the reader may not view.
        name=f"{action.get_verb_display()} {wording.described_plainly(action)}",
        person=action.asked_by.get_username() if action.asked_by else "(deleted)",
        status=str(action.get_status_display()),
        under_way=not action.is_ended,
        done=action.done_count + action.left_count,
        total=action.total,
        note=action.note if action.is_ended else "",
    )
