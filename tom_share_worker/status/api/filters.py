"""How the REST API's lists are narrowed and cut into pages; used by `api` alone."""

from __future__ import annotations

from datetime import MAXYEAR, MINYEAR
from typing import Any

import django_filters
from django import forms
from django_filters.fields import IsoDateTimeField
from django_filters.rest_framework import DjangoFilterBackend, FilterSet
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request

from tom_share_worker.delivery.asking.outbox import ID_LIMIT
from tom_share_worker.models import Delivery, Share


class Pages(LimitOffsetPagination):
    """Pages as in the host's API, whatever the TOM's settings say."""

    default_limit = 100
    max_limit = 1000


class StrictFilters(DjangoFilterBackend):  # type: ignore[misc]
    """Refuse a filter that does not exist, instead of answering with every row."""

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:
        """Narrow the rows by the filters of the view."""
        known = {*view.filterset_class.base_filters, "limit", "offset", "format"}
        if unknown := sorted(set(request.query_params) - known):
            raise ValidationError(
                {unknown[0]: [f"There is no such filter; {_listed(known)}."]}
            )
        return super().filter_queryset(request, queryset, view)


def _listed(known: set[str]) -> str:
    return f"known are {', '.join(sorted(known))}"


class _TimeField(IsoDateTimeField):  # type: ignore[misc]
    """A time that is on the calendar in every time zone."""

    def to_python(self, value: Any) -> Any:
        """Return the time, or refuse it in words."""
        found = super().to_python(value)
        if found is not None and not MINYEAR < found.year < MAXYEAR:
            raise forms.ValidationError(self.error_messages["invalid"], "invalid")
        return found


class TimeFilter(django_filters.Filter):  # type: ignore[misc]
    """By a time in ISO 8601."""

    field_class = _TimeField


class ShareFilter(FilterSet):  # type: ignore[misc]
    """By what a list of shares may be narrowed."""

    status = django_filters.MultipleChoiceFilter(choices=Share.Status.choices)
    origin = django_filters.MultipleChoiceFilter(choices=Share.Origin.choices)
    destination = django_filters.CharFilter()
    created_after = TimeFilter("created", "gte")
    created_before = TimeFilter("created", "lt")
    user = django_filters.CharFilter("user__username")


class IdFilter(django_filters.Filter):  # type: ignore[misc]
    """By an id, and not by what only looks like a number."""

    field_class = forms.IntegerField


class DeliveryFilter(FilterSet):  # type: ignore[misc]
    """By what a list of deliveries may be narrowed."""

    share = IdFilter("share_id", min_value=1, max_value=ID_LIMIT - 1)
    status = django_filters.MultipleChoiceFilter(choices=Delivery.Status.choices)
    destination = django_filters.CharFilter()
