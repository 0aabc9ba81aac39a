"""Who sees the overview, and who has which of its buttons.

Called by its views and parts. What a verb then acts on is narrowed again by the rooms:
nobody retries what they may not see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tom_share_worker.delivery import visibility as sent
from tom_share_worker.ingest import visibility as received
from tom_share_worker.operating import destinations

_VIEWS = ("view_share", "view_delivery", "view_ingestjob", "view_destination")


@dataclass(frozen=True)
class Role:
    """What a person may do on the overview; numbers are for all who may view it."""

    views: bool
    steers: bool
    """Pause, resume and test destinations."""
    retries: bool
    reprocesses: bool
    lists_deliveries: bool
    """Open the admin's list of deliveries, where they are named."""
    lists_jobs: bool
    lists_actions: bool


def of(user: Any) -> Role:
    """Return what a person may do."""
    named = [f"tom_share_worker.{codename}" for codename in _VIEWS]
    steers = destinations.may_steer(user)
    retries, reprocesses = sent.operates(user), received.operates(user)
    acts = steers or retries or reprocesses
    return Role(
        views=bool(user.is_staff and (acts or any(map(user.has_perm, named)))),
        steers=steers,
        retries=bool(retries),
        reprocesses=bool(reprocesses),
        lists_deliveries=_lists(user, "delivery"),
        lists_jobs=_lists(user, "ingestjob"),
        lists_actions=_lists(user, "bulkaction"),
    )


def _lists(user: Any, model: str) -> bool:
    return bool(
        user.has_perm(f"tom_share_worker.view_{model}")
        or user.has_perm(f"tom_share_worker.change_{model}")
        or user.has_perm(sent.OPERATE)
    )
