"""Stores a batch of data points of one target, each for itself, all at once.

Called by the view in a transaction that holds the target. What is there already is
found by a few queries before; the rest goes in by one statement for each kind, which is
as fast as a database takes rows. Where it takes not all, less is tried until each that
it does not take stands alone: that one is refused in words, and the rest goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import DatabaseError, DataError, IntegrityError, transaction

from tom_share_worker.ingest.peers.holdings import Found, Holdings
from tom_share_worker.ingest.peers.outcomes import (
    ALREADY_THERE,
    CREATED,
    Outcome,
    refused,
)
from tom_share_worker.toolkit import DATUM_MODELS

Row = Any
"""An unsaved row of one of the host's models."""


def store(target_pk: int, rows: Sequence[Row | str]) -> list[Outcome]:
    """Store what can be stored; return what became of each.

    In place of a row stands the reason why there is none.
    """
    outcomes: list[Outcome] = [
        refused(row) if isinstance(row, str) else CREATED for row in rows
    ]
    for kind, model in DATUM_MODELS.items():
        some = {n: row for n, row in enumerate(rows) if type(row) is model}
        if some:
            outcome_of = _Kind(kind, target_pk, list(some.values())).store()
            for n, row in some.items():
                outcomes[n] = outcome_of[id(row)]
    return outcomes


class _Kind:
    """The rows of one kind of a batch, and what becomes of them by their identity."""

    def __init__(self, kind: str, target_pk: int, rows: list[Row]) -> None:
        self._kind = kind
        self._target_pk = target_pk
        self._rows = rows
        self._outcomes: dict[int, Outcome] = {}

    def store(self) -> dict[int, Outcome]:
        holdings = Holdings(self._kind, self._target_pk, self._rows)
        new, repeats = [], []
        for row in self._rows:
            found = holdings.find(row)
            if found is None:
                holdings.add(row)
                new.append(row)
            elif found.batch_mate is None:
                self._outcomes[id(row)] = _outcome(found)
            else:
                repeats.append((row, found))
        self._insert(new)
        for row, found in repeats:
            self._repeat(row, found)
        return self._outcomes

    def _repeat(self, row: Row, found: Found) -> None:
        """Deal with a row like one before it, whose fate decides."""
        if self._outcomes[id(found.batch_mate)] is CREATED:
            self._outcomes[id(row)] = _outcome(found)
        else:
            self._insert([row])

    def _insert(self, rows: list[Row]) -> None:
        if not rows:
            return
        try:
            with transaction.atomic():
                DATUM_MODELS[self._kind]._default_manager.bulk_create(rows)
        except DatabaseError as error:
            if not _concerns_row(error):
                raise
            self._insert_less(rows, error)
        else:
            self._outcomes |= dict.fromkeys(map(id, rows), CREATED)

    def _insert_less(self, rows: list[Row], error: DatabaseError) -> None:
        """Try less of what the database did not take; tell of a single row."""
        if len(rows) > 1:
            # One row may have come in another way; too large ones are seldom alone,
            # and each try writes them down anew.
            size = len(rows) // 2 if isinstance(error, IntegrityError) else 1
            for start in range(0, len(rows), size):
                self._insert(rows[start : start + size])
            return
        (row,) = rows
        found = None
        if isinstance(error, IntegrityError):
            # It came in another way since we looked.
            found = Holdings(self._kind, self._target_pk, rows).find(row)
        self._outcomes[id(row)] = _outcome(found) if found else refused(_reason(row))


def _outcome(found: Found) -> Outcome:
    if not found.differs:
        return ALREADY_THERE
    *names, last = found.key
    return refused(
        f"This TOM has a data point of the same {', '.join(names)} and {last} whose "
        f"{found.differs} differs; it keeps one of them only."
    )


def _concerns_row(error: DatabaseError) -> bool:
    """True where a row is at fault; False where the database takes nothing now.

    PostgreSQL's limits (its codes 54…) concern the row, although the driver counts
    them among the troubles of its operation.
    """
    code = str(getattr(error.__cause__, "sqlstate", None) or "")
    return isinstance(error, IntegrityError | DataError) or code.startswith("54")


def _reason(row: Row) -> str:
    points = len(getattr(row, "flux", ()))
    if points:
        return (
            f"The database of this TOM cannot take a spectrum of {points} points, as "
            f"its index holds the whole flux. Share the file of the spectrum."
        )
    return "The database of this TOM cannot take it."
