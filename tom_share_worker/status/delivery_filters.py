"""By what the deliveries on a share's page may be narrowed; called by `pages`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from tom_share_worker.models import Delivery, Failure
from tom_share_worker.models.delivery import WAITS_FOR_A_PERSON
from tom_share_worker.status import causes, filtering, overview, tables


class DeliveryFilters(filtering.PageFilters):
    """Status and cause, each with how many there are, and the target's name."""

    status = filtering.choice(
        "Status",
        [
            *Delivery.Status.choices,
            (WAITS_FOR_A_PERSON, WAITS_FOR_A_PERSON.capitalize()),
        ],
        method="standing_so",
    )
    cause = filtering.choice("Cause", Failure.choices, method="failed_so")
    q = filtering.text("Target or file", "naming")

    shown = ("status", "cause", "q")
    columns = "col-6 col-md-4 col-lg-3"

    @classmethod
    def of(
        cls, request: HttpRequest, found: QuerySet[Delivery], tally: overview.Tally
    ) -> DeliveryFilters:
        """Return the filters, with how many deliveries each choice leaves."""
        made = cls(request.GET or None, found, request=request)
        by_status: Counter[str] = Counter()
        for row in tally:
            waits = overview.must_choose(row)
            by_status[WAITS_FOR_A_PERSON if waits else row["status"]] += row["n"]
        made.numbers = {"status": by_status, "cause": causes.numbers(tally)}
        for name, numbers in made.numbers.items():
            _count(made, name, numbers)
        return made

    numbers: Mapping[str, Mapping[Any, int]]
    """How many deliveries each choice leaves."""

    @property
    def counted(self) -> int | None:
        """Return how many deliveries are left, where they are counted already."""
        asked = {name: self.data.get(name) for name in self.base_filters}
        chosen = [(name, value) for name, value in asked.items() if value]
        if not chosen:
            return sum(self.numbers["status"].values())
        (name, value), *more = chosen
        return None if more else self.numbers.get(name, {}).get(value)

    def standing_so(
        self, found: QuerySet[Delivery], _: str, value: str
    ) -> QuerySet[Delivery]:
        """Narrow by status, in the words of the table."""
        return found.filter(tables.of_standing(value))

    def failed_so(
        self, found: QuerySet[Delivery], _: str, value: str
    ) -> QuerySet[Delivery]:
        """Narrow to what did not arrive for one cause."""
        return found.filter(causes.deliveries_with(value))

    def naming(
        self, found: QuerySet[Delivery], _: str, value: str
    ) -> QuerySet[Delivery]:
        """Narrow by a part of the name of the target, or of the file."""
        return found.filter(
            Q(target_name__icontains=value) | Q(data_product__data__icontains=value)
        )


def _count(made: DeliveryFilters, name: str, numbers: Any) -> None:
    """Offer what there is, with its number, and what is asked for in any case."""
    asked = (made.data or {}).get(name) if made.is_bound else ""
    field = made.form.fields[name]
    field.choices = [
        (value, f"{label} ({numbers[value]:,})" if numbers.get(value) else label)
        for value, label in field.choices
        if not value or numbers.get(value) or value == asked
    ]
