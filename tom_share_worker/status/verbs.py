"""What the buttons and the REST API do with a share: retry, cancel, share again.

Each acts only on what the person sees, and asks the rooms below to do it.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from tom_share_worker.delivery import actions, closing, visibility
from tom_share_worker.delivery.planning import rights
from tom_share_worker.models import Delivery, Share
from tom_share_worker.status import overview

MAY_NOT_ACT = "You may see this share, but not retry or cancel it."

NOTHING_TO_RETRY = (
    "There is nothing to send again: what has arrived, or is under way, is left alone, "
    "and so is what concerns targets that you may not view."
)

NOTHING_TO_CANCEL = (
    "There is nothing to cancel: what is left of this share concerns targets that you "
    "may not view. Who asked for it can cancel it."
)


def prepares(user: Any, share: Share) -> bool:
    """True if Retry has a share prepared again, and does not only send what it has."""
    if not share.is_ended or (share.planned and share.deliveries.exists()):
        return False
    return rights.may_plan(user, share)


def retry(user: Any, share: Share) -> int:
    """Send again what the person sees of a share and what did not arrive.

    Return how many deliveries, or 1 where it is prepared anew.
    """
    if prepares(user, share):
        return actions.retry_shares([share.pk], user)
    return actions.retry(visibility.deliveries_of(user, share))


def retry_some(user: Any, share: Share, which: Q) -> int:
    """Send again those of the deliveries that a person sees; return how many."""
    return actions.retry(visibility.deliveries_of(user, share).filter(which))


def cancel(user: Any, share: Share) -> int | None:
    """Send no more of what the person sees of a share; return how many deliveries.

    Nothing more of it is prepared, either, where all of it is for the person to see.
    None where there was nothing to cancel.
    """
    count = _under_way(visibility.deliveries_of(user, share)).count()
    return count if actions.cancel_shares([share.pk], user) else None


def what_goes_on(user: Any, share: Share) -> str:
    """Say what of a share that was cancelled goes on, or nothing."""
    said = ""
    if _hidden_go_on(user, share):
        said = "What concerns targets that you may not view goes on."
    # As it is now: it may have been cancelled since it was read.
    unplanned = Share.objects.filter(pk=share.pk, planned=False)
    if unplanned.exclude(status__in=Share.ENDED).exists():
        said = (
            f"{said} The share is still being prepared, and goes on with what that "
            f"adds, as it names targets that you may not view."
        )
    return said.strip()


def _hidden_go_on(user: Any, share: Share) -> bool:
    """True if parts of a share that the person does not see are under way."""
    if not _under_way(share.deliveries.all()).exists():
        return False
    seen = visibility.deliveries_of(user, share)
    hidden = share.deliveries.exclude(pk__in=seen.order_by().values("pk"))
    return _under_way(hidden).exists()


def _under_way(found: QuerySet[Delivery]) -> QuerySet[Delivery]:
    return found.filter(status__in=closing.UNDER_WAY)


def may_prepare(user: Any, share: Share, tally: overview.Tally) -> bool:
    """True if the preparing of a share is for a person to stop, or to begin again.

    Without a query for what is prepared and seen, as nearly all that is looked at.
    """
    if share.planned and (tally or share.deliveries.exists()):
        return False
    if not visibility.may_act_if_seen(user, share):
        return False
    if share.user_id == user.pk or visibility.is_superuser(user):
        return True
    return rights.may_plan(user, share)


def may_cancel(share: Share, tally: overview.Tally, prepares: bool) -> bool:
    """True if there is something to cancel, for a person who may act on what they see.

    By what they see of the share, and whether its preparing is for them to stop.
    """
    going = any(row["status"] in closing.UNDER_WAY for row in tally)
    return not share.is_ended and (going or (prepares and not share.planned))
