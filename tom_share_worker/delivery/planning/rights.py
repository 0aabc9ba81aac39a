"""Who may stop the planning of a share, or have it planned again.

Of a share of several targets each person sees the deliveries of those they may view.
What is not planned yet, or came to nothing, has none that would tell: who asked for it
may do that, and others who act on it, where they may view all that it names. Asked by
`actions`, and by the pages for their buttons.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from tom_share_worker import toolkit
from tom_share_worker.delivery import visibility
from tom_share_worker.delivery.planning.selection import DATUM_KINDS, PRODUCTS, SLICE
from tom_share_worker.models import Share

Kind = Share.Kind


def plannable(user: Any, pks: Collection[int]) -> set[int]:
    """Return those of these shares of which a person may stop the planning, or have
    them planned again: what is not planned has no deliveries that would tell whose
    targets it is about.

    Asks of each by itself: for the few that are not planned, or came to nothing.
    """
    found = visibility.actionable_shares(user).filter(pk__in=pks).order_by()
    return {
        share.pk
        for share in found.defer("selection", "plan_cursor")
        if visibility.is_superuser(user)
        or share.user_id == user.pk
        or _sees_whole(user, share)
    }


def may_plan(user: Any, share: Share) -> bool:
    """Say the same of one share."""
    return bool(plannable(user, [share.pk]))


def _sees_whole(user: Any, share: Share) -> bool:
    """True if a person may view all that a share names, and its list."""
    if share.kind == Share.Kind.TARGET_LIST:
        lists = toolkit.viewable_target_lists(user)
        if not lists.filter(pk=share.target_list_id).exists():
            return False
    if visibility.hidden_deliveries(user).filter(share_id=share.pk).exists():
        return False
    viewable = toolkit.permitted_ids(user, "view_target")
    return not _names_others(share, viewable)


def _names_others(share: Share, viewable: Any) -> bool:
    """True if a share names targets that are not among those that are viewable.

    What was deleted is named no more: nothing of it would be sent.
    """
    return any(
        rows.exclude(**{f"{column}__in": viewable}).exists()
        for rows, column in _named(share)
    )


def _named(share: Share) -> Iterator[tuple[Any, str]]:
    """Yield rows, a slice at a time, and the column that tells the target of each."""
    targets = toolkit.target_model()._default_manager.all()
    if share.target_id is not None:
        yield targets.filter(pk=share.target_id), "pk"
    if share.kind == Kind.DATA_PRODUCT:
        product = toolkit.DataProduct.objects.filter(pk=share.data_product_id)
        yield product, "target"
    elif share.kind == Kind.TARGET_LIST and "targets" not in share.selection:
        listed = toolkit.TargetList.objects.filter(pk=share.target_list_id)
        yield targets.filter(pk__in=listed.values("targets__pk")), "pk"
    elif share.kind in (Kind.TARGETS, Kind.TARGET_LIST):
        yield from _slices(share, "targets", targets, "pk")
    elif share.kind == Kind.DATUMS and share.target_id is None:
        for kind in DATUM_KINDS:
            datums = toolkit.DATUM_MODELS[kind]._default_manager.all()
            yield from _slices(share, kind, datums, "target")
        yield from _slices(share, PRODUCTS, toolkit.DataProduct.objects.all(), "target")


def _slices(
    share: Share, kind: str, rows: Any, column: str
) -> Iterator[tuple[Any, str]]:
    ids = share.selection.get(kind) or []
    for start in range(0, len(ids), SLICE):
        yield rows.filter(pk__in=ids[start : start + SLICE]), column
