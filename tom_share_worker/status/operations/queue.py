"""What waits and what is under way, line by line, in words; a part of the overview."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tom_share_worker.models import Destination
from tom_share_worker.status import words
from tom_share_worker.status.operations import counts
from tom_share_worker.status.operations.counts import Queue


@dataclass(frozen=True)
class Line:
    """One number of the queue, with what it means."""

    name: str
    count: int
    since: str
    meaning: str

    @property
    def number(self) -> str:
        """Return how many, as people read it."""
        return f"{self.count:,}"


def since(time: datetime | None, now: datetime) -> str:
    """Say how long something waits by now, and since when."""
    if time is None:
        return "—"
    return f"{words.span(now - time)} (since {words.clock(time, now)})"


def until(time: datetime | None, now: datetime) -> str:
    """Say when something is due."""
    if time is None:
        return "—"
    return f"first in {words.span(time - now)} ({words.clock(time, now)})"


def lines(
    queues: Mapping[str, Queue], closed: Mapping[str, Destination], now: datetime
) -> list[Line]:
    """Return the whole queue; `closed` are the destinations that take nothing now."""
    held = counts.together(queues[key] for key in queues if key in closed)
    free = counts.together(queues[key] for key in queues if key not in closed)
    return [
        *_sending(free, held, now),
        Line(
            "Files being processed by other TOMs",
            counts.files_elsewhere(),
            "—",
            "Received there; this TOM asks until they are processed. They are among "
            "those above.",
        ),
        *_planning(now),
        *_incoming(counts.ingest_jobs(now), now),
    ]


def _sending(free: Queue, held: Queue, now: datetime) -> list[Line]:
    later = counts.together([Queue(later=free.later, next=free.next)])
    return [
        Line(
            "Deliveries due now",
            free.due,
            since(free.oldest, now),
            "Go as soon as a worker is free.",
        ),
        Line(
            "Deliveries held",
            held.due + held.later,
            since(held.oldest, now),
            "Their destination is paused or backing off (it was found down, and is "
            "tried again after a wait).",
        ),
        Line(
            "Deliveries waiting for later",
            later.later,
            until(later.next, now),
            "An attempt failed, and the next one is not due yet.",
        ),
        Line(
            "Deliveries being sent",
            free.under_way + held.under_way,
            "—",
            "A worker has them.",
        ),
    ]


def _planning(now: datetime) -> list[Line]:
    shares = counts.planning()
    return [
        Line(
            "Shares being prepared",
            shares.count,
            since(shares.oldest, now),
            "What was asked for is being split into deliveries.",
        )
    ]


def _incoming(jobs: Queue, now: datetime) -> list[Line]:
    waits = since(jobs.oldest, now) if jobs.oldest else until(jobs.next, now)
    return [
        Line(
            "Incoming files waiting",
            jobs.due + jobs.later,
            waits,
            "Uploaded here, and not read by a worker yet.",
        ),
        Line("Incoming files being read", jobs.under_way, "—", "A worker has them."),
    ]
