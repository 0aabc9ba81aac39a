"""A page of rows, found by their keys first; used by the tables of this room, and by
the lists of the admin.

What is reckoned of each row is then reckoned of the rows on the page alone: a database
that skips 99,950 rows reckons it of each of them, too.
"""

from __future__ import annotations

from typing import Any

from django_tables2.data import TableQuerysetData


def keys(rows: Any, begin: int | None, end: int | None) -> list[Any]:
    """Return the keys of a slice of the rows, in their order."""
    return list(rows.values_list("pk", flat=True)[begin:end])


def of_keys(rows: Any, found: list[Any]) -> Any:
    """Return the rows with these keys, in the order that all of the rows have."""
    return rows.filter(pk__in=found)


class Slices(TableQuerysetData):  # type: ignore[misc]  # carries no types
    """The rows of a query, a slice at a time."""

    def __getitem__(self, key: Any) -> Any:
        """Return a slice of the rows, in their order."""
        if not isinstance(key, slice) or not key.start:
            return super().__getitem__(key)
        return of_keys(self.data, keys(self.data, key.start, key.stop))
