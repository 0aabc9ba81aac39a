"""What a share holds, in words: "12 data points and 2 data products of M31".

Called by `outbox`, which keeps it on the row: it says what was shared even when the
target is renamed or gone. Only targets that the person may view are named.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from tom_share_worker import toolkit
from tom_share_worker.delivery import permissions
from tom_share_worker.delivery.planning.selection import DATUM_KINDS, PRODUCTS, WHOLE

LOOKED_UP = 1000
"""Ids of a kind that are looked up for the names of their targets: a share of a million
is asked for as fast as one of ten."""

_NAMED = 3
"""Targets that are named; of more, two and how many others there are."""

_ALL_OF = {
    "photometry": "all photometry",
    "spectroscopy": "all spectra",
    "astrometry": "all astrometry",
    "generic": "all other data",
}


def of_selection(
    user: Any, chosen: Mapping[str, Sequence[Any]], target: Any, with_target: bool
) -> str:
    """Say what is shared of a target, or of several where none is given."""
    *others, last = _amounts(chosen) or [""]
    said = f"{', '.join(others)} and {last}" if others else last
    if with_target:
        return f"Target {target.name}" + (f" with {said}" if said else "")
    said = said[:1].upper() + said[1:]
    of = _owners(user, chosen) if target is None else target.name
    return f"{said} of {of}" if of else said


def of_targets(user: Any, pks: Sequence[int], data: bool, products: bool) -> str:
    """Say which targets are shared, and whether with what they have."""
    looked_up = toolkit.viewable_targets(user, pks[:LOOKED_UP]).order_by("pk")
    names = list(looked_up.values_list("name", flat=True)[:_NAMED])
    noun = "Target" if len(pks) == 1 else "Targets"
    said = f"{noun} {_listed(names, len(pks))}" if names else _count(len(pks), "target")
    return f"{said} {_extent(data, products)}"


def of_list(name: str, pks: Sequence[int] | None, data: bool, products: bool) -> str:
    """Say how much of a target list is shared, and whether with what they have."""
    some = "" if pks is None else _count(len(pks), "target")
    said = f"{some} of the list {name}" if some else f"Target list {name}"
    return f"{said} {_extent(data, products)}"


def of_product(product: Any) -> str:
    """Say which data product is shared; one without a file fails when it is sent."""
    return f"Data product {os.path.basename(product.data.name or '') or product.pk}"


def _amounts(chosen: Mapping[str, Sequence[Any]]) -> list[str]:
    whole = chosen.get(WHOLE, ())
    if set(DATUM_KINDS) <= set(whole):
        found = ["all data points"]
    else:
        found = [_ALL_OF[kind] for kind in DATUM_KINDS if kind in whole]
    if points := sum(len(chosen.get(kind, ())) for kind in DATUM_KINDS):
        found.append(_count(points, "data point"))
    if PRODUCTS in whole:
        found.append("all data products")
    if products := len(chosen.get(PRODUCTS, ())):
        found.append(_count(products, "data product"))
    return found


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun if number == 1 else f'{noun}s'}"


def _extent(data: bool, products: bool) -> str:
    parts = ["data points"] * data + ["data products"] * products
    return f"with all {' and '.join(parts)}" if parts else "without data"


def _owners(user: Any, chosen: Mapping[str, Sequence[Any]]) -> str:
    """Name the targets of data that were chosen by ids: a query for each kind."""
    owners: dict[int, str] = {}
    for kind in (*DATUM_KINDS, PRODUCTS):
        if pks := chosen.get(kind, ())[:LOOKED_UP]:
            rows = _shareable(user, kind, pks).order_by("target_id")
            owners.update(rows.values_list("target_id", "target__name").distinct())
    if not owners:
        return ""
    names = [name for _, name in sorted(owners.items())]
    if any(len(pks) > LOOKED_UP for pks in chosen.values()):
        return f"{', '.join(names[: _NAMED - 1])} and perhaps other targets"
    return _listed(names, len(names))


def _shareable(user: Any, kind: str, pks: Sequence[int]) -> Any:
    if kind == PRODUCTS:
        return permissions.data_products(user).filter(pk__in=pks)
    rows = toolkit.DATUM_MODELS[kind]._default_manager.filter(pk__in=pks)
    return permissions.datums(user, kind, rows)


def _listed(names: Sequence[str], total: int) -> str:
    """Name all of a few, or the first and how many more there are."""
    named = list(names[: _NAMED if total <= _NAMED else _NAMED - 1])
    if more := total - len(named):
        named.append(f"{more:,} more {'target' if more == 1 else 'targets'}")
    *others, last = named
    return f"{', '.join(others)} and {last}" if others else last
