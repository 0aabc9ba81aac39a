"""The periodic look at what is an operator's: bulk actions that lost their worker, and
rows that were kept long enough.

Run every few seconds by `share_worker`, or by Celery beat; running it twice at once
does no harm.
"""

from __future__ import annotations

from tom_share_worker.operating import bulk, pruning


def sweep() -> None:
    """Go on with bulk actions that wait; delete what is old."""
    bulk.hint_waiting()
    pruning.tend()
