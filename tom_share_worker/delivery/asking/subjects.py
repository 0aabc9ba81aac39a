"""What a share holds, in words: "12 data points and 2 data products of M31".

Called by `outbox`, which keeps it on the row: it says what was shared even when the
target is renamed or gone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from tom_share_worker.delivery.planning.selection import DATUM_KINDS, PRODUCTS, WHOLE

_ALL_OF = {
    "photometry": "all photometry",
    "spectroscopy": "all spectra",
    "astrometry": "all astrometry",
    "generic": "all other data",
}


def of_selection(
    chosen: Mapping[str, Sequence[Any]], target: Any, with_target: bool
) -> str:
    """Say what is shared of a target, or of several where none is given."""
    *others, last = _amounts(chosen) or [""]
    said = f"{', '.join(others)} and {last}" if others else last
    if with_target:
        return f"Target {target.name}" + (f" with {said}" if said else "")
    said = said[:1].upper() + said[1:]
    return said if target is None else f"{said} of {target.name}"


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
