"""The periodic look at what is an operator's: bulk actions that lost their worker.

Run every few seconds by `share_worker`, or by Celery beat; running it twice at once
does no harm.
"""

from __future__ import annotations

from tom_share_worker.operating import bulk


def sweep() -> None:
    """Go on with bulk actions that wait."""
    bulk.hint_waiting()
