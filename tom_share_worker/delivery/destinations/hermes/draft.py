"""A message to Hermes in the making: rows that go, and rows that do not, with reasons.

No HTTP here: `destinations.hermes` shows the draft to Hermes' dry run and hands back
what Hermes said of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tom_share_worker.delivery.destinations.hermes import payloads as hermes_payloads
from tom_share_worker.delivery.ledger import TARGET, Key
from tom_share_worker.delivery.message import MessageParcel
from tom_share_worker.delivery.outcomes import Unsendable

MAX_BYTES = 950_000
"""What a message may weigh: the streams behind Hermes take a million bytes."""

ROW_EXTRA = 150
"""Bytes that Hermes adds to a row: the defaults of columns that are not given."""

GONE = "It was deleted from this TOM, or may no longer be shared."
TOO_LARGE = "It is larger than a message to Hermes may be."
FULL = (
    "There was no room for it: a message to Hermes may hold a million bytes. Press "
    "Retry, and what is left goes in another message."
)


class Draft:
    """Rows of targets by our ids, rows of data by their keys, and what was refused."""

    def __init__(self, parcel: MessageParcel, entry: Mapping[str, Any]) -> None:
        self.parcel = parcel
        self.refused: dict[Key, str] = {}
        self._targets: dict[int, dict[str, Any]] = {}
        self._rows: dict[Key, dict[str, Any]] = {}
        self._target_of: dict[Key, int] = {}
        self._fill(entry)

    @property
    def sent(self) -> list[Key]:
        """Return what goes: data points, and targets that go for themselves."""
        return [key for key in self.parcel.datums if key not in self.refused]

    def body(self, topic: str, authors: str) -> dict[str, Any]:
        """Return the message as it would be published now."""
        named = set(self._target_of.values()) | {
            key.pk for key in self.sent if key.kind == TARGET
        }
        targets = {pk: row for pk, row in self._targets.items() if pk in named}
        return hermes_payloads.message(self.parcel, topic, authors, targets, self._rows)

    def refuse(self, key: Key, reason: str) -> None:
        """Leave out a data point, or a target and all that belongs to it."""
        if key.kind == TARGET:
            self._refuse_target(key.pk, reason)
        else:
            self._leave_out(key, reason)

    def lighten(self) -> None:
        """Leave out the largest rows until the message is not too large."""
        weights = {key: _weight(row) for key, row in self._rows.items()}
        total = sum(weights.values()) + sum(map(_weight, self._targets.values()))
        total += len(self.parcel.message.encode()) * 2
        for key in sorted(weights, key=weights.__getitem__, reverse=True):
            if total <= MAX_BYTES:
                return
            total -= weights[key]
            self.refuse(key, TOO_LARGE if weights[key] > MAX_BYTES else FULL)

    def heed(self, errors: Mapping[str, Any], topic: str) -> str:
        """Leave out the rows that the dry run objects to.

        Return its other objections in words, which concern the message as a whole.
        """
        general = {name: said for name, said in errors.items() if name != "data"}
        tables = errors.get("data")
        if not isinstance(tables, Mapping):
            return words(general | ({"data": tables} if tables else {}))
        order = self._order(topic)
        for table, said in tables.items():
            if table in order and isinstance(said, list):
                for key, row in zip(order[table], said, strict=False):
                    if row and key not in self.refused:
                        self.refuse(key, f"Hermes does not accept it: {words(row)}.")
            elif said:
                general[table] = said
        return words(general)

    def _fill(self, entry: Mapping[str, Any]) -> None:
        for pk, found in self.parcel.targets.items():
            try:
                self._targets[pk] = hermes_payloads.target(found)
            except Unsendable as unsendable:
                self._refuse_target(pk, str(unsendable))
        for key, datum in self.parcel.datums.items():
            if key in self.refused or (key.kind == TARGET and datum is not None):
                continue
            try:
                self._add(key, datum, entry)
            except Unsendable as unsendable:
                self.refuse(key, str(unsendable))

    def _add(self, key: Key, datum: Any, entry: Mapping[str, Any]) -> None:
        if datum is None or datum.target_id not in self.parcel.targets:
            raise Unsendable(GONE)
        name = self.parcel.targets[datum.target_id].name
        self._rows[key] = hermes_payloads.datum(key, datum, name, entry)
        self._target_of[key] = datum.target_id

    def _refuse_target(self, pk: int, reason: str) -> None:
        self._targets.pop(pk, None)
        for key, datum in self.parcel.datums.items():
            of_it = key.pk if key.kind == TARGET else getattr(datum, "target_id", None)
            if of_it == pk and key not in self.refused:
                self._leave_out(key, reason)

    def _leave_out(self, key: Key, reason: str) -> None:
        self.refused[key] = reason
        self._rows.pop(key, None)
        self._target_of.pop(key, None)

    def _order(self, topic: str) -> dict[str, list[Key]]:
        """Return which row of ours stands where in the tables of the message."""
        names = [row["name"] for row in self.body(topic, "")["data"]["targets"]]
        by_name = {row["name"]: Key(TARGET, pk) for pk, row in self._targets.items()}
        order = {"targets": [by_name[name] for name in names]}
        for table in hermes_payloads.TABLES:
            order[table] = [key for key in self._rows if key.kind == table]
        return order


def _weight(row: Mapping[str, Any]) -> int:
    return len(json.dumps(row)) + ROW_EXTRA


def words(said: Any) -> str:
    """Return the sentences in an answer of Hermes, whatever its nesting, each once."""
    return "; ".join(dict.fromkeys(_sentences(said)))[:500]


def _sentences(said: Any) -> list[str]:
    if isinstance(said, Mapping):
        found = []
        for name, inner in said.items():
            prefix = "" if name in ("non_field_errors", "detail") else f"{name}: "
            found += [f"{prefix}{text}" for text in _sentences(inner)]
        return found
    if isinstance(said, list):
        return [text for inner in said for text in _sentences(inner)]
    return [str(said).strip().rstrip(".")] if said else []
