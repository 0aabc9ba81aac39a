"""What a TOM holds of a target, read back: is a data point of ours among it?

Asked by `datums` before something is sent that may be there already, and after an
answer that leaves it open. The API shows a part of a row only, so nothing here is
taken for ours that differs in anything it does show.
"""

from __future__ import annotations

from typing import Any

from tom_share_worker.delivery.destinations.talk import NoAnswer
from tom_share_worker.delivery.destinations.tom import likeness, paging
from tom_share_worker.delivery.destinations.tom.session import Session
from tom_share_worker.delivery.outcomes import Halted, TryAgain

PAGE, PAGE_OF_SPECTRA = 2000, 4
"""Rows read back at a time. Few large pages: a stock TOM loads all data of the target
for each. A spectrum takes thousands of times the bytes; four may have some 20,000
points each before the answer is over ANSWER_LIMIT, and is asked for in smaller pages.
"""

PAGES_AHEAD = 5
"""Pages read to save requests. Of a target that has more, sending costs the other TOM
less than looking."""

Row = dict[str, Any]


class Stored:
    """The rows of a target at the other side, as read back at one moment."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows: dict[tuple[str, str], list[Row] | None] = {}

    def is_known(self, body: Row) -> bool:
        """True if a look that was made already has shown this row."""
        known = self._rows.get(_place(body)) or ()
        return any(likeness.proves(body, row) for row in known)

    def forget(self) -> None:
        """Let the next question be answered by a new look."""
        self._rows.clear()

    def holds(self, body: Row) -> bool:
        """True if the other side holds this row; reads back once, for all rows."""
        if self._rows.get(_place(body)) is None:
            self._rows[_place(body)] = self._read(*_place(body))
        return self.is_known(body)

    def explanation(self, body: Row) -> str:
        """Return why a release might never store this row, or nothing.

        Called for a row that met an internal error and was looked for in vain.
        """
        kind = likeness.kind_of(body)
        rivals = self._rows.get(_place(body)) or ()
        if kind in _ONE_OF and any(_rivals(kind, body, row) for row in rivals):
            return (
                f" It holds another data point of this time and "
                f"{_ONE_OF[kind][0]}, and TOM Toolkit 3.0.0 has room for one only."
            )
        if kind == "spectroscopy" and len(body["value"].get("flux", ())) >= _LONG:
            return (
                " A TOM on PostgreSQL does so with spectra of some 300 points and "
                "more; share the spectrum as a file instead."
            )
        if kind not in _EVER_KNOWN:
            return (
                f" A TOM older than 3.0 does so with types of data that its "
                f"DATA_PRODUCT_TYPES does not name; ask its people to add {kind!r}."
            )
        return ""

    def account_for(self, body: Row, pages: int | None = None) -> bool:
        """True if a row there is this one and was not taken for another one of ours.

        Two of ours may look alike as far as the API shows them. With a limit of pages
        the look only saves requests: a target that has more, or one that cannot be
        read, counts as holding nothing, and what is in doubt is sent.
        """
        key = _place(body)
        if key not in self._rows or (self._rows[key] is None and pages is None):
            self._rows[key] = self._read(*key, pages)
        known = self._rows[key] or []
        for row in known:
            if likeness.same(body, row) and (
                pages is None or not likeness.is_a_twin(body, row)
            ):
                known.remove(row)
                return True
        return False

    def _read(
        self, remote_id: str, data_type: str, pages: int | None = None
    ) -> list[Row] | None:
        """Return all rows of a kind; None if they fill more pages than that."""
        try:
            return self._all_rows(remote_id, data_type, pages)
        except Halted as halted:
            if pages is not None and _is_of_this_look(halted):
                return None
            raise

    def _all_rows(
        self, remote_id: str, data_type: str, pages: int | None
    ) -> list[Row] | None:
        params = {"target__id": remote_id, "data_type": data_type}
        size = PAGE if data_type == "photometry" else PAGE_OF_SPECTRA
        rows: list[Row] = []
        listed = paging.pages(self._session, "api/reduceddatums/", params, size)
        for number, page in enumerate(listed, start=1):
            found = page["results"]
            # Old releases do not know this filter and return all they have.
            rows += [row for row in found if str(row.get("target")) == remote_id]
            if (
                pages is not None
                and page.get("next")
                and (number >= pages or paging.count(page) > pages * len(found))
            ):
                return None
        return rows


def _is_of_this_look(halted: Halted) -> bool:
    """True if it was trouble with reading so much, which need not stop the sending."""
    if isinstance(halted, NoAnswer):
        return halted.why.too_slow
    outcome = halted.outcome
    return isinstance(outcome, TryAgain) and not outcome.destination_wide


_EVER_KNOWN = ("photometry", "spectroscopy")
"""Types of data that every TOM names, as `tom_setup` writes them into its settings."""

_LONG = 250
"""Points from which on a spectrum may be too long for the index that TOM Toolkit has
over its flux on PostgreSQL; measured at about 300."""

_ONE_OF = {
    "photometry": ("filter", ("bandpass",)),
    "spectroscopy": ("instrument", ("telescope", "instrument")),
    "astrometry": ("instrument", ("telescope", "instrument")),
}
"""Of what TOM Toolkit 3.0.0 keeps one data point at a time: in words, and by field."""


def _rivals(kind: str, body: Row, row: Row) -> bool:
    theirs = row.get("value")
    # Before 2.26 the filter by kind is ignored, too.
    if not isinstance(theirs, dict) or likeness.kind_of(row) != kind:
        return False
    if likeness.time_of(row.get("timestamp")) != likeness.time_of(body["timestamp"]):
        return False
    theirs, ours = likeness.canonical(theirs), likeness.canonical(body.get("value", {}))
    return all(ours.get(name) == theirs.get(name) for name in _ONE_OF[kind][1])


def _place(body: Row) -> tuple[str, str]:
    return str(body["target"]), body["data_type"]
