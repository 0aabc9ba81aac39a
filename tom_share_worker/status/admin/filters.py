"""By what the admin's lists are narrowed: the names of `operating.vocabulary`.

The address of a list so means the same rows as the filter of a bulk action, which the
verbs "for all that match" rely on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest

from tom_share_worker import conf
from tom_share_worker.exceptions import ConfigurationError
from tom_share_worker.models import BulkAction, Destination
from tom_share_worker.operating import matching, vocabulary
from tom_share_worker.operating.vocabulary import WrongFilter

Rows = BulkAction.Rows

REQUESTERS = 30
"""People offered in the filter; others are found by the search."""

REQUESTS = 2000
"""The last rows of which people are offered to those who do not see all rows."""


class Named(admin.SimpleListFilter):
    """By one name of the vocabulary; an address may give several values of it."""

    def __init__(self, request: Any, params: Any, model: Any, model_admin: Any) -> None:
        self.rows = getattr(model_admin, "rows", "")
        # Before it is taken out of the parameters, as its lookups may depend on it.
        self.values = [value for value in params.get(self.parameter_name, ()) if value]
        self.reader = request.user
        super().__init__(request, params, model, model_admin)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the rows; where the address says nonsense, say so and show none."""
        if not self.values:
            return queryset
        try:
            return self.narrowed(queryset)
        except WrongFilter as error:
            messages.warning(request, f"By {self.title}: {error}")
            return queryset.none()

    def narrowed(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the rows as bulk actions do."""
        given = {str(self.parameter_name): meant(self.parameter_name, self.values)}
        return matching.narrowed(self.rows, given, queryset, self.reader)

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        """Offer the closed set of what the name may say."""
        return list(vocabulary.CHOICES[self.rows, str(self.parameter_name)].choices)

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Mark what is chosen, be it several."""
        yield {
            "selected": not self.values,
            "query_string": changelist.get_query_string(remove=[self.parameter_name]),
            "display": "All",
        }
        for value, label in self.lookup_choices:
            yield {
                "selected": str(value) in self.values,
                "query_string": changelist.get_query_string(
                    {self.parameter_name: value}
                ),
                "display": label,
            }


def meant(name: str | None, values: list[str]) -> Any:
    """Return what the parameters of an address say: of most names the last one."""
    if name == "ids":
        return [one for value in values for one in value.split(",")]
    if name in vocabulary.SEVERAL:
        return values
    return values[-1]


def named(name: str, title: str, base: type[Named] = Named) -> type[Named]:
    """Return a filter by a name of the vocabulary."""
    columns = {"parameter_name": name, "title": title, "__doc__": f"By {title}."}
    return type(f"By{name.title().replace('_', '')}", (base,), columns)


class DestinationFilter(Named):
    """By destination, under the names people use."""

    title = "destination"
    parameter_name = "destination"
    column = "destination"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        """Offer those of the settings, and those that were there once."""
        keys = set(Destination.objects.values_list("key", flat=True))
        # What is wrong with the settings, the page of the destinations tells.
        with suppress(ConfigurationError):
            keys.update(conf.destination_keys())
        return [(key, conf.display_name(key)) for key in sorted(keys)]

    def narrowed(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the rows to the chosen one, with all its topics."""
        return queryset.filter(matching.to_destinations(self.values, self.column))


class _Kind(Named):
    """By kind, or of what came in by type of data product."""

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        """Offer the kinds, or the types of this TOM."""
        if self.rows == Rows.INGEST_JOBS:
            return list(getattr(settings, "DATA_PRODUCT_TYPES", {}).values())
        return super().lookups(request, model_admin)


class _Requester(Named):
    """By who asked for it, or uploaded it."""

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        """Offer people of whom the reader sees rows, and who the address names."""
        people: Any = get_user_model()._default_manager.filter(self._asked(request))
        column = get_user_model().USERNAME_FIELD
        names = list(
            people.order_by(column).values_list(column, flat=True)[:REQUESTERS]
        )
        names += [value for value in self.values if value not in names]
        return [(name, name) for name in names]

    def _asked(self, request: Any) -> Exists | Q:
        """Return the condition that a person asked for something the reader sees.

        Who does not see all is offered people of the last rows that are seen.
        """
        jobs = self.rows == Rows.INGEST_JOBS
        rows = matching.visible(Rows.INGEST_JOBS if jobs else Rows.SHARES, request.user)
        if request.user.is_superuser:
            return Exists(rows.filter(user=OuterRef("pk")))
        return Q(pk__in=rows.order_by("-pk").values("user_id")[:REQUESTS])


class TimeFilter(Named):
    """By a time: since today, a day, a week, or any other."""

    template = "admin/tom_share_worker/time_filter.html"
    others: list[tuple[str, str]]
    typed = ""

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        """Offer the spans."""
        spans = {"today": "Today (UTC)", "24h": "Last 24 hours", "7d": "Last 7 days"}
        return list(spans.items())

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Keep what else is filtered by, for the form with another time."""
        given = changelist.filter_params.items()
        self.others = [
            (name, value)
            for name, values in given
            if name != self.parameter_name
            for value in values
        ]
        spans = {value for value, _ in self.lookup_choices}
        self.typed = "".join(v for v in self.values if v not in spans)[:16]
        yield from super().choices(changelist)


class _Given(Named):
    """By what only an address names; shown where it does."""

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        """Offer what is given, so that it can be seen and taken away."""
        return [(value, value[:40]) for value in self.values]


CREATED = named("created_since", "creation", TimeFilter)
ENDED = named("ended_since", "end", TimeFilter)
STATUS = named("status", "status")
CAUSE = named("failure", "cause")
ORIGIN = named("origin", "origin")
KIND = named("kind", "kind", _Kind)
REQUESTER = named("user", "requester", _Requester)
SHARE = named("share", "share", _Given)
GIVEN = tuple(
    named(name, title, _Given)
    for name, title in (
        ("since", "since"),
        ("until", "until"),
        ("created_until", "created until"),
        ("ended_until", "ended until"),
        ("ids", "selection"),
    )
)
