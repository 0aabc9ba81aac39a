"""The fate of each data point of a delivery; nothing sent ever goes unaccounted.

Loaded from and saved to `Delivery.ledger` by the sender; no queries here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, NamedTuple

TARGET = "target"
"""The kind of a target among the keys of a message, which names targets and data."""


class Fate(StrEnum):
    """What became of a data point."""

    NOT_YET = "not yet"
    DELIVERED = "delivered"
    ALREADY_THERE = "already there"
    REFUSED = "refused"


class Key(NamedTuple):
    """A data point of this TOM: ids repeat between kinds, so the kind belongs to it."""

    kind: str
    pk: int


class Ledger:
    """The data points of one delivery, in order, each with its fate and a reason."""

    def __init__(self, rows: Iterable[Iterable[Any]] = ()) -> None:
        self._fates: dict[Key, tuple[Fate, str]] = {
            Key(kind, pk): (Fate(fate), reason) for kind, pk, fate, reason in rows
        }

    @classmethod
    def of(cls, keys: Iterable[Key]) -> Ledger:
        """Open a ledger in which nothing has happened."""
        return cls((key.kind, key.pk, Fate.NOT_YET, "") for key in keys)

    def settle(self, key: Key, fate: Fate, reason: str = "") -> None:
        """Write down what became of a data point."""
        if key not in self._fates:
            raise KeyError(key)
        self._fates[key] = (fate, reason)

    def pending(self) -> list[Key]:
        """Return the data points whose fate is open."""
        return [key for key, (fate, _) in self._fates.items() if fate is Fate.NOT_YET]

    def reason(self, key: Key) -> str:
        """Return what is noted on a data point; on a pending one, its last trouble."""
        return self._fates[key][1]

    def refused(self) -> list[tuple[Key, str]]:
        """Return the refused data points, each with the reason."""
        return [
            (key, reason)
            for key, (fate, reason) in self._fates.items()
            if fate is Fate.REFUSED
        ]

    def reopen_refused(self) -> None:
        """Forget refusals, because a person wants them tried again."""
        for key, _ in self.refused():
            self._fates[key] = (Fate.NOT_YET, "")

    def counts(self) -> dict[str, int]:
        """Return the numbers as the columns of `Delivery` hold them."""
        tally = Counter(fate for fate, _ in self._fates.values())
        return {
            "delivered_count": tally[Fate.DELIVERED],
            "already_there_count": tally[Fate.ALREADY_THERE],
            "refused_count": tally[Fate.REFUSED],
        }

    def __len__(self) -> int:
        return len(self._fates)

    def rows(self) -> list[list[Any]]:
        """Return the ledger as the row keeps it."""
        return [
            [key.kind, key.pk, str(fate), reason]
            for key, (fate, reason) in self._fates.items()
        ]
