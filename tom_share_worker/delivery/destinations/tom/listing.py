"""The data products of a target, as another TOM lists them.

Read by `products` where an answer does not say what the other side has: by a release
before 3.0.1, and by this TOM itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tom_share_worker.delivery.destinations.http import Answer
from tom_share_worker.delivery.destinations.tom.session import Session
from tom_share_worker.delivery.outcomes import Halted

PAGE, PAGES = 10, 1000
"""Data products read at a time, and how many such pages at most. Before 3.0 each comes
with all data points that were read from it."""


def products(session: Session, target_name: str) -> Iterator[dict[str, Any]]:
    """Go through the data products of targets there that have this name."""
    seen, size = 0, PAGE
    for _ in range(PAGES):
        try:
            body = _page(session, target_name, size, seen)
        except Halted:
            if size == 1:
                raise
            # Perhaps the page was longer than an answer may be.
            size = 1
            continue
        found = body["results"]
        yield from (product for product in found if isinstance(product, dict))
        seen += len(found)
        if not found or not body.get("next"):
            return


def _page(session: Session, name: str, size: int, offset: int) -> dict[str, Any]:
    answer: Answer = session.request(
        "GET",
        "api/dataproducts/",
        params={"target_name": name, "limit": str(size), "offset": str(offset)},
    )
    session.halt_on_trouble(answer)
    body = answer.json()
    if not isinstance(body, dict) or not isinstance(body.get("results"), list):
        raise Halted(session.nonsense())
    return body
