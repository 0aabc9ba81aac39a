"""`Prefer: wait=10` (RFC 7240): an answer that waits a while for the processing."""

from __future__ import annotations

import re
import time

from tom_share_worker.models import IngestJob

LONGEST = 30
"""Seconds that an answer waits at most: it keeps a thread of the web server busy."""

LOOK = 0.1
"""Seconds between two looks at the job."""

_WAIT = re.compile(
    r"(?:^|[,;])\s*wait\s*=\s*\"?([0-9]{1,9})\"?\s*(?=[,;]|$)", re.IGNORECASE
)


def preferred(header: str) -> int | None:
    """Return how many seconds a client wants to wait; None if it does not say."""
    found = _WAIT.search(header)
    return min(int(found[1]), LONGEST) if found else None


def until_ended(job: IngestJob, seconds: float) -> IngestJob:
    """Return the job as it stands when it has ended, or after so many seconds."""
    end = time.monotonic() + seconds
    while not job.is_ended and time.monotonic() < end:
        time.sleep(LOOK)
        job = IngestJob.objects.filter(pk=job.pk).first() or job
    return job
