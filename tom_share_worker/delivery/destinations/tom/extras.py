"""Which extra fields of a target are sent to a TOM that has it: pure.

Called by `tom`. What that TOM's people changed is theirs: a field is added where it is
missing, brought up to date where it still has the value we sent last, and else left.
Values are compared as the text that TOM Toolkit keeps, which it strips of blanks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tom_share_worker.delivery.parcels import TargetParcel

_NAMED = 5
"""Fields that a note names; of more it gives the number only."""


@dataclass(frozen=True)
class Changes:
    """What is to be sent, and what is to be remembered of it."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    """For the request: without an id to be added, with theirs to be changed."""
    promised: dict[str, str] = field(default_factory=dict)
    """To remember before the request. What is added may be remembered too early: if
    it does not arrive, it is missing there still, and added the next time."""
    agreed: dict[str, str] = field(default_factory=dict)
    """To remember after the request."""
    added: int = 0
    updated: int = 0
    left: tuple[str, ...] = ()

    def sentence(self, *, arrived: bool = True) -> str:
        """Say what became of the fields, or nothing where all was well before."""
        said = []
        if arrived and self.added:
            said.append(f"{_fields(self.added, 'was', 'were')} added.")
        if arrived and self.updated:
            said.append(f"{_fields(self.updated, 'was', 'were')} brought up to date.")
        if self.left:
            names = f": {', '.join(self.left)}" if len(self.left) <= _NAMED else ""
            have = _fields(len(self.left), "has another value", "have other values")
            were = "was" if len(self.left) == 1 else "were"
            said.append(f"{have} there and {were} left alone{names}.")
        return " ".join(said)


def compare(parcel: TargetParcel, theirs: Mapping[str, Any]) -> Changes:
    """Say which of our extra fields are to be sent to a target that is there."""
    there = _extras(theirs)
    if there is None:
        # A TOM that does not show its fields: nothing is guessed.
        return Changes(promised=parcel.sent_extras, agreed=parcel.sent_extras)
    is_from_us = theirs.get("shared_from") == parcel.shared_from
    sent = {key: value.strip() for key, value in parcel.sent_extras.items()}
    rows: list[dict[str, Any]] = []
    added, agreed, left = {}, dict(sent), []
    for key, value in _ours(parcel):
        row = there.get(key)
        if row is None and key in theirs:
            # A field of that TOM's own target model, which its API does not change.
            if _text(theirs[key]) != value:
                left.append(key)
        elif row is None:
            rows.append({"key": key, "value": value})
            added[key] = value
        elif _text(row.get("value")) == value:
            # Ours by an answer that was lost; a value of theirs may just be the same.
            if key in sent or is_from_us:
                agreed[key] = value
        elif key in sent and _text(row.get("value")) == sent[key]:
            rows.append({"id": row["id"], "key": key, "value": value})
            agreed[key] = value
        else:
            left.append(key)
    return Changes(
        rows,
        sent | added,
        agreed | added,
        len(added),
        len(rows) - len(added),
        tuple(left),
    )


def _ours(parcel: TargetParcel) -> list[tuple[str, str]]:
    found = ((key.strip(), _text(value)) for key, value in parcel.extras.items())
    return [(key, value) for key, value in found if key]


def _extras(theirs: Mapping[str, Any]) -> dict[str, dict[str, Any]] | None:
    """Return the extra fields there by their key; None where they are not shown."""
    rows = theirs.get("targetextra_set")
    if not isinstance(rows, list):
        return None
    return {
        str(row.get("key")): row
        for row in rows
        if isinstance(row, dict) and row.get("id") is not None
    }


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _fields(number: int, one: str, many: str) -> str:
    return f"1 extra field {one}" if number == 1 else f"{number} extra fields {many}"
