"""The data products of a target, as another TOM lists them.

Read by `products` where an answer does not say what the other side has: by a release
before 3.0.1, and by this TOM itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from tom_share_worker.delivery.destinations.tom import paging
from tom_share_worker.delivery.destinations.tom.session import Session

PAGE, PAGES = 10, 1000
"""Data products read at a time, and how many such pages at most. Before 3.0 each comes
with all data points that were read from it."""


def products(session: Session, target_name: str) -> Iterator[dict[str, Any]]:
    """Go through the data products of targets there that have this name."""
    params = {"target_name": target_name}
    listed = paging.pages(session, "api/dataproducts/", params, PAGE)
    for page in islice(listed, PAGES):
        yield from (row for row in page["results"] if isinstance(row, dict))
