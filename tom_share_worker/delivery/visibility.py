"""Who may see and act on shares and deliveries: for pages, API, admin and commands.

Nobody sees or acts on shares of targets that they may not view; superusers see all.

- A share is seen by who asked for it, by people with the permission to view shares or
  to operate, and by those who may *change* the target it is about. That a target is
  public is not enough: who looks at it need not know who shares it with whom.
- A share of several targets is about none of them: it is seen by who asked for it and
  by permitted people, and of its deliveries each sees those of targets they may view.
  Who may change one of the targets sees the deliveries about it, not the share.
- Where data products have permissions of their own, who sees a delivery only because
  of its target must be allowed to view the data product, too.
- What is about a deleted target is seen by who asked for it alone, as nobody can tell
  any more who might view it; its name stands in the row. Of a share of several targets
  its deliveries tell.
- Whose planning a person may stop or repeat, `planning.rights` tells: what is not
  planned has no deliveries.
- A message may be about many targets, and its row names the first of them. It is seen
  by who asked for it and by permitted people who may view that one; by those who may
  change the target only where its share is about no other.

Permissions count as they are now, not as they were when something was shared. All of
it is conditions within one query, so a page takes as many queries for one row as for
100,000.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from tom_share_worker import toolkit
from tom_share_worker.models import Attempt, Delivery, Share

VIEW = "tom_share_worker.view_share"
CHANGE = "tom_share_worker.change_share"
OPERATE = "tom_share_worker.operate"


def sees_all(user: Any) -> bool:
    """True for those who may view shares of others, of targets they may view."""
    return user is not None and (user.has_perm(VIEW) or user.has_perm(OPERATE))


def operates(user: Any) -> bool:
    """True for those who may retry and cancel the shares of others that they see."""
    return user is not None and (user.has_perm(CHANGE) or user.has_perm(OPERATE))


def visible_shares(user: Any) -> QuerySet[Share]:
    """Return the shares that a person may see."""
    shares = Share.objects.all()
    if is_superuser(user):
        return shares
    if not _is_known(user):
        return shares.none()
    viewable = toolkit.permitted_ids(user, "view_target")
    theirs = Q(user_id=user.pk) | _OF_SEVERAL
    found = shares.filter(Q(target__in=viewable) | (Q(target__isnull=True) & theirs))
    if sees_all(user):
        return found
    about_theirs = Q(target__in=_changeable(user)) & _product_viewable(user)
    return found.filter(Q(user_id=user.pk) | about_theirs)


_OF_SEVERAL = Q(
    kind__in=(Share.Kind.TARGETS, Share.Kind.TARGET_LIST, Share.Kind.DATUMS)
)
"""Shares that name no target of their own, though none was deleted."""


def visible_deliveries(user: Any) -> QuerySet[Delivery]:
    """Return the deliveries that a person may see, of whatever share."""
    deliveries = Delivery.objects.all()
    if is_superuser(user):
        return deliveries
    if not _is_known(user):
        return deliveries.none()
    found = deliveries.filter(_target_viewable(user))
    if sees_all(user):
        return found
    own = Q(share__in=_own(user))
    about_theirs = Q(target__in=_changeable(user)) & _product_viewable(user)
    return found.filter(own | (about_theirs & _OF_ONE_TARGET))


_OF_ONE_TARGET = ~Q(kind=Delivery.Kind.MESSAGE) | Q(
    share__in=Share.objects.filter(target__isnull=False).values("pk")
)


def visible_attempts(user: Any) -> QuerySet[Attempt]:
    """Return the attempts at the deliveries that a person may see.

    Of a million, each is asked for its own delivery, as a page shows a few only.
    """
    attempts = Attempt.objects.all()
    if is_superuser(user):
        return attempts
    if _is_known(user) and sees_all(user):
        return attempts.filter(_target_viewable(user, "delivery__"))
    return attempts.filter(delivery__in=visible_deliveries(user))


def of_their_targets(user: Any) -> Q:
    """Return the condition that something is about a target the person may change."""
    return Q(target__in=_changeable(user))


def deliveries_of(user: Any, share: Share) -> QuerySet[Delivery]:
    """Return the deliveries of one share that a person may see.

    Of their own, what is true of each of 100,000 rows is not asked of each.
    """
    if _is_known(user) and share.user_id == user.pk and not is_superuser(user):
        viewable = toolkit.permitted_ids(user, "view_target")
        return share.deliveries.filter(Q(target__isnull=True) | Q(target__in=viewable))
    return visible_deliveries(user).filter(share_id=share.pk)


def hidden_deliveries(user: Any) -> QuerySet[Delivery]:
    """Return the deliveries of targets that a person may not view, of all shares."""
    return Delivery.objects.filter(~_target_viewable(user))


def hidden_count(user: Any, share: Share, seen: int) -> int:
    """Return how many deliveries of a share are hidden, of which some are seen.

    Without a query where all are of one target, which is known to be seen.
    """
    if is_superuser(user) or share.target_id is not None:
        return 0
    return share.deliveries.count() - seen


def may_act(user: Any, share: Share) -> bool:
    """True if a person may retry and cancel what they see of this share."""
    if is_superuser(user) or not may_act_if_seen(user, share):
        return is_superuser(user)
    return visible_shares(user).filter(pk=share.pk).exists()


def may_act_if_seen(user: Any, share: Share) -> bool:
    """Say the same of a share that was found among those the person sees."""
    return _is_known(user) and (share.user_id == user.pk or operates(user))


def actionable_shares(user: Any) -> QuerySet[Share]:
    """Return the shares of which a person may retry and cancel what they see."""
    shares = visible_shares(user)
    if not _is_known(user):
        return shares
    return shares if operates(user) else shares.filter(user_id=user.pk)


def actionable_deliveries(user: Any) -> QuerySet[Delivery]:
    """Return the deliveries that a person may retry and cancel."""
    deliveries = visible_deliveries(user)
    if is_superuser(user) or not _is_known(user):
        return deliveries
    return deliveries.filter(share__in=actionable_shares(user).values("pk"))


def is_superuser(user: Any) -> bool:
    """True for those who see all."""
    return user is not None and bool(user.is_superuser and user.is_active)


def _is_known(user: Any) -> bool:
    return user is not None and bool(user.is_authenticated and user.is_active)


def _target_viewable(user: Any, of: str = "") -> Q:
    """Return the condition that a delivery's target is one that the person may view,
    or is gone and of their own share.
    """
    viewable = toolkit.permitted_ids(user, "view_target")
    # In this order: of 100,000 rows few are asked whose they are.
    gone = Q(**{f"{of}target__isnull": True}) & Q(**{f"{of}share__in": _own(user)})
    return Q(**{f"{of}target__in": viewable}) | gone


def _own(user: Any) -> Any:
    return Share.objects.filter(user_id=user.pk).values("pk")


def _changeable(user: Any) -> Any:
    return toolkit.permitted_ids(user, "change_target")


def _product_viewable(user: Any) -> Q:
    """Return the condition that no data product is hidden from the person."""
    if not toolkit.data_has_permissions():
        return Q()
    viewable = toolkit.viewable_data_products(user).values("pk")
    return Q(data_product__isnull=True) | Q(data_product__in=viewable)
