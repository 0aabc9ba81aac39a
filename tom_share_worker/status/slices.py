"""A page of a table's rows, found by their keys first; used by the tables of this room.

What is reckoned of each row is then reckoned of the rows on the page alone: a database
that skips 99,950 rows reckons it of each of them, too.
"""

from __future__ import annotations

from typing import Any

from django_tables2.data import TableQuerysetData


class Slices(TableQuerysetData):  # type: ignore[misc]  # carries no types
    """The rows of a query, a slice at a time."""

    def __getitem__(self, key: Any) -> Any:
        """Return a slice of the rows, in their order."""
        if not isinstance(key, slice) or not key.start:
            return super().__getitem__(key)
        pks = list(self.data.values_list("pk", flat=True)[key])
        return self.data.filter(pk__in=pks)
