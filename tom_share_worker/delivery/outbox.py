"""Where a share begins: permission, one row, and after the commit a hint.

Called by the share views; programs may call it, too. Constant time: nothing
here depends on how many targets or data points are meant, and nothing talks to the
broker or to another TOM.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.db import transaction

from tom_share_worker import conf, toolkit
from tom_share_worker.delivery import hints
from tom_share_worker.exceptions import ShareRefused
from tom_share_worker.models import Share


def share_target(
    user: Any,
    destination: str,
    target: Any,
    photometry: Sequence[int] = (),
    **text: Any,
) -> Share:
    """Share a target and, of its photometry, the ticked data points."""
    _require_view(user, target)
    return _post(
        user,
        destination,
        kind=Share.Kind.TARGET,
        subject=f"Target {target.name}",
        target_id=target.pk,
        selection={"photometry": list(photometry)},
        **text,
    )


def share_target_list(
    user: Any,
    destination: str,
    target_list: Any,
    targets: Sequence[int] | None,
    with_data: bool,
    **text: Any,
) -> Share:
    """Share the named targets of a list, or with None all of them."""
    if not toolkit.viewable_target_lists(user).filter(pk=target_list.pk).exists():
        raise ShareRefused("You may not see this target list.")
    if targets is not None and not targets:
        raise ShareRefused("No target is selected. Tick at least one and share again.")
    return _post(
        user,
        destination,
        kind=Share.Kind.TARGET_LIST,
        subject=f"Target list {target_list.name}",
        target_list_id=target_list.pk,
        selection={} if targets is None else {"targets": list(targets)},
        with_data=with_data,
        **text,
    )


def share_target_data(user: Any, destination: str, target: Any, **text: Any) -> Share:
    """Share all data points of a target, of every type."""
    _require_view(user, target)
    return _post(
        user,
        destination,
        kind=Share.Kind.TARGET_DATA,
        subject=f"All data of {target.name}",
        target_id=target.pk,
        **text,
    )


def share_photometry(
    user: Any,
    destination: str,
    photometry: Sequence[int],
    target: Any = None,
    **text: Any,
) -> Share:
    """Share the ticked photometry, of one target or of several."""
    if target is not None:
        _require_view(user, target)
    if not photometry:
        raise ShareRefused("No data point is selected. Tick at least one, share again.")
    points = "data point" if len(photometry) == 1 else "data points"
    of = f" of {target.name}" if target is not None else ""
    return _post(
        user,
        destination,
        kind=Share.Kind.DATUMS,
        subject=f"{len(photometry)} {points}{of}",
        target_id=target.pk if target is not None else None,
        selection={"photometry": list(photometry)},
        **text,
    )


def share_data_product(user: Any, destination: str, product: Any, **text: Any) -> Share:
    """Share one data product with its file."""
    if not toolkit.viewable_data_products(user).filter(pk=product.pk).exists():
        raise ShareRefused(
            "You may not view this data product, so you may not share it."
        )
    return _post(
        user,
        destination,
        kind=Share.Kind.DATA_PRODUCT,
        subject=f"Data product {product.get_file_name()}",
        target_id=product.target_id,
        data_product_id=product.pk,
        **text,
    )


def _require_view(user: Any, target: Any) -> None:
    if not toolkit.viewable_targets(user, [target.pk]).exists():
        raise ShareRefused("You may not view this target, so you may not share it.")


def _post(user: Any, destination: str, *, subject: str, **columns: Any) -> Share:
    """Write the row; once it is committed, hint."""
    if conf.is_hermes(destination):
        raise ShareRefused(
            f"{conf.display_name(destination.partition(':')[0])} takes messages and is "
            f"no TOM; this version shares with TOMs only."
        )
    if destination not in conf.choices():
        raise ShareRefused(
            f"This TOM has no sharing destination {destination!r}. "
            f"Choose one of the list, or ask an administrator to add it."
        )
    columns["title"] = columns.get("title", "")[:300]
    with transaction.atomic():
        share = Share.objects.create(
            user=user, destination=destination, subject=subject[:300], **columns
        )
        # robust: a fault here must not fail the request, whose row is safe.
        transaction.on_commit(partial(hints.plan, share.pk), robust=True)
    return share
