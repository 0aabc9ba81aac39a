"""The periodic look at what is an operator's: bulk actions that lost their worker,
rows that were kept long enough, people to be told by e-mail.

Run every few seconds by `share_worker`, or by Celery beat; running it twice at once
does no harm.
"""

from __future__ import annotations

from tom_share_worker.operating import bulk, pruning
from tom_share_worker.operating.mail import collecting


def sweep() -> None:
    """Go on with bulk actions that wait; delete what is old; tell what failed."""
    bulk.hint_waiting()
    pruning.tend()
    collecting.tend()
