"""Pages of the admin's lists: counted up to a limit, and found by their keys first.

A list of millions is neither counted to its end, nor is what a row shows reckoned of
the rows that a page skips. Used by `base` for all lists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Page, Paginator
from django.http import HttpRequest
from django.utils.functional import cached_property

from tom_share_worker.status.slices import keys, of_keys

if TYPE_CHECKING:
    _Paginator = Paginator[Any]
else:
    _Paginator = Paginator

COUNTED = 100_000
"""Rows that a list counts; of more it says so. Counting millions takes seconds."""


class Counted(_Paginator):
    """Pages of a list that is counted up to a limit."""

    most = COUNTED

    @cached_property
    def first(self) -> list[Any]:
        """Return the keys of the first page, and one more where there are more."""
        return keys(self.object_list, 0, self.per_page + 1)

    @cached_property
    def count(self) -> int:
        """Return how many rows there are; one more than the limit where there are more.

        What fits on the first page is not looked for a second time.
        """
        if len(self.first) <= self.per_page:
            return len(self.first)
        rows: Any = self.object_list
        return int(rows.order_by().values("pk")[: self.most + 1].count())

    def page(self, number: int | str) -> Page[Any]:
        """Return a page, of which only the keys were looked for among all rows."""
        number = self.validate_number(number)
        begin = (number - 1) * self.per_page
        if number == 1:
            found = self.first[: self.per_page]
        else:
            found = self.beyond(begin, begin + self.per_page)
        return Page(of_keys(self.object_list, found), number, self)

    def beyond(self, begin: int, end: int) -> list[Any]:
        """Return the keys of a page that is not the first."""
        return keys(self.object_list, begin, end)


class ByKeys(ChangeList):
    """A list that does not look for the rows of a single page a second time."""

    def get_results(self, request: HttpRequest) -> None:
        """Find the rows of the page."""
        super().get_results(request)
        paginator: Any = self.paginator
        if self.result_count <= self.list_per_page:
            self.result_list = of_keys(paginator.object_list, paginator.first)
