"""What the buttons and the REST API do with a share: retry, cancel, share again.

Each acts only on what the person sees, and asks the rooms below to do it.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from tom_share_worker.delivery import actions, closing, visibility
from tom_share_worker.models import Delivery, Share

MAY_NOT_ACT = "You may see this share, but not retry or cancel it."

NOTHING_TO_RETRY = (
    "There is nothing to send again: what has arrived, or is under way, is left alone."
)


def retry(user: Any, share: Share) -> int:
    """Send again what the person sees of a share and what did not arrive.

    Return how many deliveries, or 1 where it is prepared anew.
    """
    if share.planned and share.deliveries.exists():
        return actions.retry(visibility.deliveries_of(user, share))
    return actions.retry_shares([share.pk], visibility.visible_deliveries(user))


def retry_some(user: Any, share: Share, which: Q) -> int:
    """Send again those of the deliveries that a person sees; return how many."""
    return actions.retry(visibility.deliveries_of(user, share).filter(which))


def cancel(user: Any, share: Share) -> int:
    """Send no more of what the person sees of a share; return how many deliveries.

    Nothing more of it is prepared, either.
    """
    seen = visibility.deliveries_of(user, share)
    count = _under_way(seen).count()
    actions.cancel_shares([share.pk], visibility.visible_deliveries(user))
    return count


def hidden_go_on(user: Any, share: Share) -> bool:
    """True if parts of a share that the person does not see are under way."""
    if not _under_way(share.deliveries.all()).exists():
        return False
    seen = visibility.deliveries_of(user, share)
    hidden = share.deliveries.exclude(pk__in=seen.order_by().values("pk"))
    return _under_way(hidden).exists()


def _under_way(found: QuerySet[Delivery]) -> QuerySet[Delivery]:
    return found.filter(status__in=closing.UNDER_WAY)
