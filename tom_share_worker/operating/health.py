"""Does sharing work? What machines that watch are told, and the overview for operators.

Asked by the page `/shares/health/`, the command `shares` and `metrics`. It reads rows
alone, five queries at most; the broker is known by the workers' signs, which they give
only while they hear it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from tom_share_worker import conf
from tom_share_worker.delivery import gate
from tom_share_worker.exceptions import ConfigurationError
from tom_share_worker.models import Destination, Routine, Worker
from tom_share_worker.models.worker import SEEN_RECENTLY
from tom_share_worker.operating import backlog, destinations
from tom_share_worker.operating.times import clock, count, span

DOWN_FOR_LONG = timedelta(hours=1)
"""After so long without an answer of a destination a person should ask what is wrong;
until then it is most often back by itself."""

START = (
    "Start one with `python manage.py share_worker`; if one runs, its log says why it "
    "cannot reach its message broker."
)


class Verdict(StrEnum):
    """How it stands."""

    OK = "ok"
    DEGRADED = "degraded"
    """It works, and something needs a person."""
    DOWN = "down"
    """Nothing is sent or processed. Nothing is lost either."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at, and what was found, in words."""

    name: str
    status: Verdict
    sentence: str


@dataclass(frozen=True)
class Health:
    """All that was looked at."""

    checks: tuple[Check, ...]

    @property
    def status(self) -> Verdict:
        """Return the worst that was found."""
        order = list(Verdict)
        return max((check.status for check in self.checks), key=order.index)


def look() -> Health:
    """Look at everything; what cannot be looked at counts as down."""
    now = timezone.now()
    try:
        own = conf.settings()
    except ConfigurationError as wrong:
        return Health((Check("settings", Verdict.DOWN, str(wrong)),))
    late = now - timedelta(seconds=own.HEALTH_BACKLOG_AGE)
    try:
        found = [
            *_workers(now, late),
            _sweep(now, own),
            *_destinations(now, late),
            _planning(now, late),
        ]
    except (DatabaseError, InterfaceError):
        return Health((Check("database", Verdict.DOWN, NO_DATABASE),))
    return Health(tuple(found))


NO_DATABASE = (
    "This TOM's database cannot be asked, so nothing is sent or processed. Ask whoever "
    "runs the database; the log of the web server has the cause."
)


def _workers(now: datetime, late: datetime) -> Iterator[Check]:
    """Look for workers, and whether incoming files wait for one."""
    workers = list(Worker.objects.all())
    alive = [worker for worker in workers if worker.seen >= now - SEEN_RECENTLY]
    sending = sum(worker.delivers for worker in alive)
    if sending:
        said = f"{count(sending, 'worker sends', 'workers send')} deliveries."
        yield Check("delivery workers", Verdict.OK, said)
    else:
        last = max((w.seen for w in workers if w.delivers), default=None)
        said = (
            f"No worker that sends deliveries {_seen(last, now)} Shares wait. {START}"
        )
        yield Check("delivery workers", Verdict.DOWN, said)
    waiting = backlog.jobs(now, late)
    yield _ingest_workers(workers, alive, waiting, now)
    yield _incoming(waiting, now, late)


def _ingest_workers(
    workers: list[Worker],
    alive: list[Worker],
    waiting: backlog.Jobs | None,
    now: datetime,
) -> Check:
    """A TOM that takes no files may do without; one that had a worker misses it."""
    name = "ingest workers"
    if here := sum(worker.ingests for worker in alive):
        said = f"{count(here, 'worker processes', 'workers process')} incoming files."
        return Check(name, Verdict.OK, said)
    last = max((w.seen for w in workers if w.ingests), default=None)
    nobody = f"No worker that processes incoming files {_seen(last, now)}"
    if waiting is not None:
        return Check(name, Verdict.DOWN, f"{nobody} Uploaded files wait. {START}")
    if last is not None:
        return Check(name, Verdict.DEGRADED, f"{nobody} {START}")
    said = "No worker processes incoming files, and none came."
    return Check(name, Verdict.OK, said)


def _seen(last: datetime | None, now: datetime) -> str:
    if last is None:
        return "has ever been seen."
    return f"has been seen since {clock(last, now)} ({span(now - last)} ago)."


def _incoming(waiting: backlog.Jobs | None, now: datetime, late: datetime) -> Check:
    name = "incoming files"
    if waiting is None:
        return Check(name, Verdict.OK, "No incoming file waits.")
    since = f"{clock(waiting.oldest, now)} ({span(now - waiting.oldest)})"
    if waiting.oldest >= late or waiting.moves:
        said = f"The incoming file that waits longest waits since {since}."
        return Check(name, Verdict.OK, said)
    said = (
        f"An incoming file waits since {since}, and no worker has processed any since. "
        f"Restart the workers; their log has the cause."
    )
    return Check(name, Verdict.DOWN, said)


def sweep_limit(own: conf.Settings) -> timedelta:
    """Return how long ago the last sweep may be."""
    return timedelta(seconds=max(own.HEALTH_SWEEP_AGE, 3 * own.SWEEP_INTERVAL))


def _sweep(now: datetime, own: conf.Settings) -> Check:
    """Look when somebody last looked for what the hints missed."""
    last = Routine.last_ended(Routine.SWEEP)
    if last is not None and last >= now - sweep_limit(own):
        said = f"The last sweep ended {_ago(now - last)}."
        return Check("sweep", Verdict.OK, said)
    when = "ever ended" if last is None else f"ended since {clock(last, now)}"
    said = (
        f"No sweep for missed work has {when}, so nothing is tried again. It is made "
        f"by `python manage.py share_worker`, or by Celery beat; if one of them runs, "
        f"its log has the cause."
    )
    return Check("sweep", Verdict.DOWN, said)


def _ago(length: timedelta) -> str:
    return "just now" if length < timedelta(seconds=1) else f"{span(length)} ago"


def _destinations(now: datetime, late: datetime) -> Iterator[Check]:
    """Look at each destination; one sentence where all are well."""
    queues = backlog.destinations(now)
    found = [check for queue in queues if (check := _destination(queue, now, late))]
    yield from found
    if not found:
        oldest = min((q.oldest for q in queues if q.oldest), default=None)
        said = "Nothing that is due waits for a destination."
        if oldest is not None:
            length = span(now - oldest)
            said = f"What waits longest for a destination is due since {length}."
        yield Check("destinations", Verdict.OK, said)


def _destination(queue: backlog.Queue, now: datetime, late: datetime) -> Check | None:
    """Return what is wrong with a destination, or None."""
    row = queue.destination
    if row.paused and not row.paused_by_person:
        said = (
            f"Deliveries to {row} are paused, as our account there was refused. "
            f"{destinations.MEND_ACCOUNT}"
        )
        return _of(row, Verdict.DEGRADED, said)
    if _is_down_for_long(row, now):
        silent = "has never answered"
        if row.answered is not None:
            silent = f"has not answered since {clock(row.answered, now)}"
        said = f"{row} {silent}. What is for it waits; ask the people there about it."
        return _of(row, Verdict.DEGRADED, said)
    since = queue.stuck_since(now)
    if since is not None and since < late:
        said = (
            f"Deliveries to {row} are due since {clock(since, now)} "
            f"({span(now - since)}), and no worker takes them up. Restart the workers; "
            f"their log has the cause."
        )
        return _of(row, Verdict.DOWN, said)
    return None


def _is_down_for_long(row: Destination, now: datetime) -> bool:
    """True if it is; where nothing was shared for a week, no answer is as old."""
    lately = row.answered is not None and row.answered >= now - DOWN_FOR_LONG
    if row.failures == 0 or lately:
        return False
    limit = conf.settings().BACKOFF_LIMIT
    backed_off = gate.schedule().backed_off(row.failures, limit)
    return backed_off >= DOWN_FOR_LONG.total_seconds()


def _of(row: Destination, status: Verdict, said: str) -> Check:
    return Check(f"destination {row.key}", status, said)


def _planning(now: datetime, late: datetime) -> Check:
    share = backlog.unplanned(late)
    if share is None:
        return Check("planning", Verdict.OK, "No share waits to be prepared.")
    said = (
        f"Share {share.pk} waits since {clock(share.created, now)} to be prepared. The "
        f"log of the workers has the cause; if it has none, restart them."
    )
    return Check("planning", Verdict.DEGRADED, said)
