"""What a TOM holds of a target, read back: is a data point of ours among it?

Asked by `datums` before something is sent that may be there already, and after an
answer that leaves it open. The API shows a part of a row only, so nothing here is
taken for ours that differs in anything it does show.
"""

from __future__ import annotations

from collections.abc import Set
from datetime import datetime
from typing import Any

from tom_share_worker.delivery.destinations.talk import NoAnswer
from tom_share_worker.delivery.destinations.tom import paging, payloads
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
        return any(_proves(body, row) for row in known)

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
        kind = _kind(body)
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
            if same(body, row) and (pages is None or not _is_a_twin(body, row)):
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
    if not isinstance(theirs, dict) or _kind(row) != kind:
        return False
    if _time(row.get("timestamp")) != _time(body["timestamp"]):
        return False
    theirs, ours = _canonical(theirs), _canonical(body.get("value", {}))
    return all(ours.get(name) == theirs.get(name) for name in _ONE_OF[kind][1])


def _place(body: Row) -> tuple[str, str]:
    return str(body["target"]), body["data_type"]


_HIDDEN = {"telescope", "instrument", "reduction_version"}
"""Of data of a kind of its own, TOM Toolkit 3 shows the free values, without these."""

_SHOWN = {
    "photometry": ("brightness", "error", "bandpass", "unit"),
    "spectroscopy": ("flux", "wavelength", "error", "flux_unit", "wavelength_unit"),
    "astrometry": (
        *("ra", "dec", "ra_error", "dec_error", "ra_error_units", "dec_error_units"),
    ),
}
"""What every release shows of each kind, besides telescope and instrument."""

_CANONICAL = {
    "magnitude": "brightness",
    "brightness_error": "error",
    "filter": "bandpass",
    "flux_units": "flux_unit",
    "wavelength_units": "wavelength_unit",
}


def same(body: Row, row: Row) -> bool:
    """True if a row read back is the one that was sent, as far as the API shows it."""
    kind = _kind(body)
    theirs, ours = row.get("value"), body.get("value", {})
    if _kind(row) != kind or not isinstance(theirs, dict):
        return False
    if _time(row.get("timestamp")) != _time(body["timestamp"]):
        return False
    theirs, ours = _canonical(theirs), _canonical(ours)
    if kind in _SHOWN:
        return _agree(ours, theirs, {*_SHOWN[kind], "telescope", "instrument"})
    return _agree(ours, theirs, ours.keys() - _HIDDEN) or _agree(
        given := _as_given(ours), _as_given(theirs), given.keys() - _HIDDEN
    )


def _agree(ours: Row, theirs: Row, shown: Set[str]) -> bool:
    return all(ours.get(name) == theirs.get(name) for name in shown | theirs.keys())


def _kind(row: Row) -> str:
    """Return a data type as TOM Toolkit 3 keeps it."""
    return str(row.get("data_type")).strip().lower()


def shows_all(body: Row) -> bool:
    """True if it can be looked up: one that looks like this one is no other one."""
    return not _hidden(body)


def _hidden(body: Row) -> set[str]:
    """Return what makes a row another one for a TOM and is not always shown.

    The version of the reduction, and the limit where there is no brightness.
    """
    value = body.get("value", {})
    names = {"reduction_version"} if value.get("reduction_version") else set()
    return names if "magnitude" in value else names | ({"limit"} & value.keys())


def _proves(body: Row, row: Row) -> bool:
    """True if a row there is this one, and not another one that looks like it."""
    return same(body, row) and (
        _hidden(body) <= _canonical(row["value"]).keys()
        or _origin(body) == _origin(row)
    )


def _is_a_twin(body: Row, row: Row) -> bool:
    """True if a row that looks the same is another one from where this one is from.

    It may have a version of the reduction, not shown, where this one has none.
    """
    (name, location), (their_name, their_location) = _origin(body), _origin(row)
    return _kind(body) in _SHOWN and name == their_name and location != their_location


def _origin(row: Row) -> tuple[str, ...]:
    names = ("source_name", "source_location")
    return tuple(str(row.get(name) or "").strip() for name in names)


def _canonical(value: Row) -> Row:
    return {
        _CANONICAL.get(name, name): item
        for name, item in value.items()
        if item not in (None, "", [])
    }


def _as_given(value: Row) -> Row:
    """Return free values under the names they had before they were sent anywhere.

    Data that came from there under another name, because its own is that of a column,
    is the same data: else it would be sent back as something new.
    """
    return {
        name if (plain := _without_extra(name)) in value else plain: item
        for name, item in value.items()
    }


def _without_extra(name: str) -> str:
    plain = name
    while plain.startswith("extra_"):
        plain = plain.removeprefix("extra_")
    return plain if plain in payloads.RESERVED["generic"] else name


def _time(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None
