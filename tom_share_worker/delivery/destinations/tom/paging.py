"""A list of another TOM, read page by page: bounded, and sure to end.

Used by `stored` and `listing`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tom_share_worker.delivery.destinations.talk import NoAnswer
from tom_share_worker.delivery.destinations.tom.session import Session
from tom_share_worker.delivery.outcomes import Halted, Interrupted, TryAgain
from tom_share_worker.models import Failure

Page = dict[str, Any]


def pages(
    session: Session, path: str, params: Mapping[str, str], size: int
) -> Iterator[Page]:
    """Go through the pages of a list, each with its `results`.

    A page that is longer than an answer may be is asked for again, ten times smaller.
    Ends, too, where the other TOM knows no offset and shows the same rows for ever.
    """
    seen = 0
    last: list[Any] = []
    while True:
        try:
            page = _page(session, path, params, size, seen)
        except NoAnswer as trouble:
            if not trouble.why.too_long:
                raise
            if size == 1:
                raise Halted(_too_long(session)) from trouble
            size = max(1, size // 10)
        else:
            rows = page["results"]
            # Two rows may look alike as far as the API shows them, two pages do not.
            if rows == last and len(rows) > 1:
                return
            yield page
            seen += len(rows)
            if not rows or not page.get("next") or 0 < count(page) <= seen:
                return
            last = rows
        if not session.keep_going():
            raise Halted(Interrupted())


def count(page: Page) -> int:
    """Return how many rows the whole list has; 0 where the page does not say."""
    said = page.get("count")
    return said if isinstance(said, int) else 0


def _page(
    session: Session, path: str, params: Mapping[str, str], size: int, offset: int
) -> Page:
    where = {"limit": str(size), "offset": str(offset)}
    answer = session.request("GET", path, params={**params, **where})
    session.halt_on_trouble(answer)
    body = answer.json()
    if not isinstance(body, dict) or not isinstance(body.get("results"), list):
        raise Halted(session.nonsense())
    return body


def _too_long(session: Session) -> TryAgain:
    """Trouble with what one target has there; the destination is well."""
    return TryAgain(
        Failure.DESTINATION_DOWN,
        f"What {session.name} has of this target could not be read back: a single row "
        f"of it is longer than an answer may be. A larger ANSWER_LIMIT in "
        f"TOM_SHARE_WORKER allows for it.",
    )
