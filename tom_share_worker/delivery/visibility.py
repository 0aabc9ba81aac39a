"""Who may see and act on shares and deliveries: for pages, API, admin and commands."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from tom_share_worker.models import Delivery, Share


def sees_all(user: Any) -> bool:
    """True for superusers and for those who may view shares of others."""
    return bool(user.has_perm("tom_share_worker.view_share"))


def visible_shares(user: Any) -> QuerySet[Share]:
    """Return the shares a person may see: their own, or with permission all."""
    shares = Share.objects.all()
    return shares if sees_all(user) else shares.filter(user_id=user.pk)


def visible_deliveries(user: Any) -> QuerySet[Delivery]:
    """Return the deliveries a person may see."""
    return Delivery.objects.filter(share__in=visible_shares(user))


def may_act(user: Any, share: Share) -> bool:
    """True if a person may retry and cancel this share and its deliveries."""
    return share.user_id == user.pk or bool(
        user.has_perm("tom_share_worker.change_share")
    )
