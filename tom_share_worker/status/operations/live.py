"""Everything on the overview that is asked for again every few seconds.

Called by `views`; a fixed number of queries, whatever there is to count.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from tom_share_worker.models import Destination, Worker
from tom_share_worker.operating import health
from tom_share_worker.status import notices, words
from tom_share_worker.status.operations import (
    attention,
    counts,
    destinations,
    progress,
    queue,
)
from tom_share_worker.status.operations.roles import Role

_TONES = {
    health.Verdict.OK: "success",
    health.Verdict.DEGRADED: "warning",
    health.Verdict.DOWN: "error",
}
"""How the admin's style sheet calls its colours of messages."""


_NO_SWEEP = health.Check("sweep", health.Verdict.DOWN, "")
"""What is shown where so much is wrong that nobody could look."""


@dataclass(frozen=True)
class WorkerRow:
    """One worker as the overview shows it."""

    name: str
    alive: bool
    does: str
    since: str
    seen: str


def gather(role: Role) -> dict[str, Any]:
    """Return what the live part shows."""
    now = timezone.now()
    states = list(Destination.objects.select_related("paused_by").order_by("key"))
    queues, failed = counts.deliveries(now), counts.failed(now)
    counted = destinations.Counted(states, queues, failed)
    closed = destinations.closed(states, now)
    found = health.look()
    return {
        "role": role,
        "now": words.stamp(now),
        "health": found,
        "tone": _TONES[found.status],
        "checks": [
            (_TONES[check.status], notices.marked_up(check.sentence))
            for status in (health.Verdict.DOWN, health.Verdict.DEGRADED)
            for check in found.checks
            if check.status is status
        ],
        "workers": workers(now),
        "sweep": next(
            check.sentence
            for check in (*found.checks, _NO_SWEEP)
            if check.name == _NO_SWEEP.name
        ),
        "lines": queue.lines(queues, closed, now),
        "destinations": destinations.rows(counted, now),
        "causes": [
            *attention.causes(failed, counts.refused(), role),
            *attention.jobs(counts.failed_jobs(), role),
        ],
        "actions": progress.actions(now),
    }


def workers(now: datetime) -> list[WorkerRow]:
    """Return the workers that were seen, the last first."""
    return [
        WorkerRow(
            name=worker.name,
            alive=worker.is_alive,
            does=_does(worker),
            since=words.stamp(worker.started),
            seen=f"{words.span(now - worker.seen)} ago",
        )
        for worker in Worker.objects.order_by("-seen")
    ]


def _does(worker: Worker) -> str:
    does = ["sends deliveries"] if worker.delivers else []
    does += ["reads incoming files"] if worker.ingests else []
    return " and ".join(does) or "nothing of this app"
