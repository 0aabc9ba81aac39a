"""What the filter forms of this room's lists have in common.

Used by the lists of shares, of deliveries and of incoming data. The forms are those of
django-filter and crispy, as on the host's pages; they work without JavaScript, and what
is chosen stands in the address, so that a list can be kept as a bookmark.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import django_filters
from crispy_forms.helper import FormHelper
from crispy_forms.layout import HTML, Column, Layout, Row
from django import forms
from django.db.models import Q, QuerySet

from tom_share_worker import conf, toolkit
from tom_share_worker.exceptions import ConfigurationError
from tom_share_worker.models import Destination

_BUTTONS = """
<button type="submit" class="btn btn-primary btn-sm">Filter</button>
{% if filtered %}<a class="btn btn-outline-secondary btn-sm ms-1" href="?">Show all</a>
{% endif %}
"""


class PageFilters(django_filters.FilterSet):  # type: ignore[misc]
    """Filters of a page's list, in a row that folds up on a narrow screen."""

    shown: tuple[str, ...] = ()
    """The fields of the form, in their order."""

    columns = "col-6 col-md-4 col-lg-2"

    @property
    def form(self) -> Any:
        """Return the form, laid out by crispy."""
        made = super().form
        if not hasattr(made, "helper"):
            made.helper = self._helper()
        return made

    def _helper(self) -> FormHelper:
        helper = FormHelper()
        helper.form_method = "get"
        helper.form_class = "share-filters"
        helper.disable_csrf = True
        helper.render_hidden_fields = True
        fields = [Column(name, css_class=self.columns) for name in self.shown]
        buttons = Column(HTML(_BUTTONS), css_class="col-12 col-lg-auto mb-3")
        helper.layout = Layout(Row(*fields, buttons, css_class="gx-2 align-items-end"))
        return helper

    @property
    def filtered(self) -> bool:
        """True if anything is asked for, so that an empty list says so."""
        if not self.is_bound:
            return False
        asked = [self.data.get(name) for name in self.base_filters]
        return any(asked)


def choice(label: str, choices: Any, **more: Any) -> Any:
    """Return a filter by one of some words, or by none of them."""
    more.setdefault("empty_label", "Any")
    return django_filters.ChoiceFilter(
        label=label,
        choices=choices,
        widget=forms.Select(attrs={"class": "form-select-sm"}),
        **more,
    )


def text(label: str, method: str) -> Any:
    """Return a filter by a part of a name."""
    entry = forms.TextInput(attrs={"class": "form-control-sm", "maxlength": "200"})
    return django_filters.CharFilter(label=label, method=method, widget=entry)


def target(method: str) -> Any:
    """Return a filter by the id of a target, which links name and forms keep."""
    largest = 2**31 - 1  # what the column holds; a larger one fails in the database
    return django_filters.NumberFilter(
        label="",
        method=method,
        min_value=1,
        max_value=largest,
        widget=forms.HiddenInput(),
    )


def named_target(chosen: PageFilters) -> Any:
    """Return the target by which a list is narrowed, if the reader may view it."""
    asked = chosen.form.cleaned_data.get("target") if chosen.form.is_valid() else None
    if not asked:
        return None
    return toolkit.viewable_targets(chosen.request.user, [int(asked)]).first()


def day(label: str, column: str, *, last: bool = False) -> Any:
    """Return a filter by a day in UTC, from its beginning or up to its end."""

    def narrow(found: QuerySet[Any], _: str, value: date) -> QuerySet[Any]:
        start = datetime.combine(value, time(), UTC)
        if not last:
            return found.filter(**{f"{column}__gte": start})
        if value == date.max:
            return found
        return found.filter(**{f"{column}__lt": start + timedelta(days=1)})

    entry = forms.DateInput(
        format="%Y-%m-%d", attrs={"type": "date", "class": "form-control-sm"}
    )
    return django_filters.DateFilter(label=label, method=narrow, widget=entry)


def destination() -> Any:
    """Return a filter by destination, all topics of it, under the names people use."""

    def narrow(found: QuerySet[Any], _: str, key: str) -> QuerySet[Any]:
        topic = Q(destination__startswith=f"{key}:")
        return found.filter(Q(destination=key) | topic)

    return choice("Destination", _destinations, method=narrow)


def _destinations() -> list[tuple[str, str]]:
    """Return the destinations of the settings, and those that were there once."""
    try:
        keys = conf.destination_keys()
    except ConfigurationError:
        keys = []
    once = Destination.objects.values_list("key", flat=True)
    known = sorted({*keys, *(key.partition(":")[0] for key in once)})
    return [(key, conf.display_name(key)) for key in known]
