"""Where a share begins: permission, one row, and after the commit a hint.

Called by the share views, the REST API, commands and continuous sharing; programs may
call it, too. Constant time: of what is meant nothing here looks at more than the first
thousand, for names, and nothing talks to the broker or to another TOM.

Each function takes as `text` what the row keeps beside: title, message, authors,
origin, persistent_share.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from django.db import transaction

from tom_share_worker import conf, hints, toolkit
from tom_share_worker.delivery import destinations, permissions
from tom_share_worker.delivery.asking import subjects
from tom_share_worker.delivery.planning.selection import DATUM_KINDS, PRODUCTS, WHOLE
from tom_share_worker.exceptions import ShareRefused
from tom_share_worker.models import Share

ID_LIMIT = 2**63
"""From here on numbers are no ids: databases raise errors on them."""


def share_target(
    user: Any,
    destination: str,
    target: Any,
    photometry: Sequence[int] = (),
    *,
    with_data: bool = False,
    **text: Any,
) -> Share:
    """Share a target, and of its data the ticked photometry, or with_data all.

    All means every data point and every data product.
    """
    if not with_data:
        named = {"photometry": photometry}
        return share_selected(
            user, destination, named, target=target, with_target=True, **text
        )
    permissions.require_target(user, target)
    return _post(
        user,
        destination,
        kind=Share.Kind.TARGET,
        subject=f"Target {target.name} with all its data",
        target_id=target.pk,
        selection={WHOLE: [PRODUCTS]},
        with_data=True,
        **text,
    )


def share_selected(
    user: Any,
    destination: str,
    selection: Mapping[str, Collection[int]],
    *,
    target: Any = None,
    with_target: bool = False,
    whole: Collection[str] = (),
    **text: Any,
) -> Share:
    """Share ticked data points of any kind and data products, of one target or several.

    `selection` names ids by kind: photometry, spectroscopy, astrometry, generic,
    data_products. Of the kinds in `whole` all is shared that the target has when the
    share is planned. `with_target` sends the target itself before them.
    """
    chosen = _checked(selection, whole)
    if target is not None:
        permissions.require_target(user, target)
    elif whole or with_target:
        raise ValueError("a share of a target, or of all it has, must name the target")
    if not chosen and not with_target:
        raise ShareRefused(
            "Nothing is selected. Tick the target, a data point or a data product, and "
            "share again."
        )
    return _post(
        user,
        destination,
        kind=Share.Kind.TARGET if with_target else Share.Kind.DATUMS,
        subject=subjects.of_selection(user, chosen, target, with_target),
        target_id=target.pk if target is not None else None,
        selection=chosen,
        with_data={*DATUM_KINDS} <= {*chosen.get(WHOLE, ())},
        **text,
    )


def share_targets(
    user: Any,
    destination: str,
    targets: Collection[int],
    *,
    with_data: bool = False,
    with_products: bool = False,
    **text: Any,
) -> Share:
    """Share several targets, whether in a list or not; with their data if so asked."""
    named = _ids(targets, "targets")
    if not named:
        raise ShareRefused("No target is selected. Name at least one and share again.")
    selection: dict[str, list[Any]] = {WHOLE: [PRODUCTS]} if with_products else {}
    return _post(
        user,
        destination,
        kind=Share.Kind.TARGETS,
        subject=subjects.of_targets(user, named, with_data, with_products),
        selection=selection | {"targets": named},
        with_data=with_data,
        **text,
    )


def share_target_list(
    user: Any,
    destination: str,
    target_list: Any,
    targets: Sequence[int] | None,
    with_data: bool,
    with_products: bool = False,
    **text: Any,
) -> Share:
    """Share the named targets of a list, or with None all of them.

    With their data points and their data products, if so asked.
    """
    if not toolkit.viewable_target_lists(user).filter(pk=target_list.pk).exists():
        raise ShareRefused("You may not see this target list.")
    if targets is not None and not targets:
        raise ShareRefused("No targets shared. Tick at least one and share again.")
    selection: dict[str, list[Any]] = {WHOLE: [PRODUCTS]} if with_products else {}
    if targets is not None:
        selection["targets"] = targets = sorted(set(targets))
    return _post(
        user,
        destination,
        kind=Share.Kind.TARGET_LIST,
        subject=subjects.of_list(target_list.name, targets, with_data, with_products),
        target_list_id=target_list.pk,
        selection=selection,
        with_data=with_data,
        **text,
    )


def share_target_data(
    user: Any,
    destination: str,
    target: Any,
    *,
    with_products: bool = False,
    **text: Any,
) -> Share:
    """Share all data points of a target, of every type; its data products if asked."""
    permissions.require_target(user, target)
    and_products = " and data products" if with_products else ""
    return _post(
        user,
        destination,
        kind=Share.Kind.TARGET_DATA,
        subject=f"All data points{and_products} of {target.name}",
        target_id=target.pk,
        selection={WHOLE: [PRODUCTS]} if with_products else {},
        with_data=True,
        **text,
    )


def share_data_product(user: Any, destination: str, product: Any, **text: Any) -> Share:
    """Share one data product with its file."""
    permissions.require_data_product(user, product)
    return _post(
        user,
        destination,
        kind=Share.Kind.DATA_PRODUCT,
        subject=subjects.of_product(product),
        target_id=product.target_id,
        data_product_id=product.pk,
        **text,
    )


def _checked(
    selection: Mapping[str, Collection[int]], whole: Collection[str]
) -> dict[str, list[Any]]:
    """Return a selection as the row keeps it: each id once, no empty kinds."""
    known = (*DATUM_KINDS, PRODUCTS)
    if unknown := sorted({*selection, *whole} - {*known}):
        raise ShareRefused(
            f"There is no kind of data called {unknown[0]!r}. Known are "
            f"{', '.join(known)}."
        )
    chosen: dict[str, list[Any]] = {}
    if whole:
        chosen[WHOLE] = [kind for kind in known if kind in whole]
    for kind in known:
        pks = _ids(selection.get(kind, ()), kind)
        if pks and kind not in whole:
            chosen[kind] = pks
    return chosen


def _ids(given: Collection[Any], kind: str) -> list[int]:
    """Return ids as the row keeps them: each once, in order."""
    pks = set(given)
    if not all(isinstance(pk, int) and 0 < pk < ID_LIMIT for pk in pks):
        raise ShareRefused(f"The selection of {kind} holds something that is no id.")
    return sorted(pks)


def _post(user: Any, destination: str, *, subject: str, **columns: Any) -> Share:
    """Write the row; once it is committed, hint."""
    destination = conf.key_of(destination)
    if destination not in conf.choices():
        raise ShareRefused(
            f"This TOM has no sharing destination {destination!r}. "
            f"Choose one of the list, or ask an administrator to add it."
        )
    permissions.require_destination(user, destination)
    if columns["kind"] == Share.Kind.DATA_PRODUCT and destinations.takes_messages(
        destination
    ):
        raise ShareRefused(
            f"{conf.display_name(destination)} takes messages, not files. Share the "
            f"data points of the target instead."
        )
    columns["title"] = columns.get("title", "")[:300]
    with transaction.atomic():
        share = Share.objects.create(
            user=user, destination=destination, subject=subject[:300], **columns
        )
        # robust: a fault here must not fail the request, whose row is safe.
        transaction.on_commit(partial(hints.plan, share.pk), robust=True)
    return share
