"""Which rows a filter means: the same for the lists, the counts and the verbs.

Called by the admin, the REST API, the command and bulk actions. What a person may not
see, or not act on, matches nothing of theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from operator import and_, or_
from typing import Any

from django.db.models import Q, QuerySet

from tom_share_worker import conf
from tom_share_worker.delivery import visibility as sent
from tom_share_worker.delivery.asking import masking
from tom_share_worker.exceptions import ConfigurationError
from tom_share_worker.ingest import visibility as received
from tom_share_worker.models import BulkAction, Delivery, Failure
from tom_share_worker.operating.vocabulary import cleaned

Rows = BulkAction.Rows


def _actionable_deliveries(user: Any) -> QuerySet[Any]:
    """Return what a person may act on, also by the permission to change deliveries."""
    if user is not None and user.has_perm("tom_share_worker.change_delivery"):
        return sent.visible_deliveries(user)
    return sent.actionable_deliveries(user)


def _visible_shares(user: Any) -> QuerySet[Any]:
    """Return them with `hides`, which tells whose subject names hidden targets."""
    return masking.with_subjects(user, sent.visible_shares(user))


def _actionable_shares(user: Any) -> QuerySet[Any]:
    return masking.with_subjects(user, sent.actionable_shares(user))


_VISIBLE: dict[str, Callable[[Any], QuerySet[Any]]] = {
    Rows.SHARES: _visible_shares,
    Rows.DELIVERIES: sent.visible_deliveries,
    Rows.INGEST_JOBS: received.visible_jobs,
}
_ACTIONABLE: dict[str, Callable[[Any], QuerySet[Any]]] = {
    Rows.SHARES: _actionable_shares,
    Rows.DELIVERIES: _actionable_deliveries,
    Rows.INGEST_JOBS: received.actionable_jobs,
}

SEARCHED: dict[str, tuple[str, ...]] = {
    Rows.SHARES: ("subject", "title", "note", "user__username"),
    Rows.DELIVERIES: ("target_name", "note"),
    Rows.INGEST_JOBS: ("file_name", "target_name", "note", "user__username"),
}
"""The columns in which each word of a search is looked for."""


def matches(rows: str, filters: Mapping[str, Any], user: Any) -> QuerySet[Any]:
    """Return the rows that a filter means and that a person may see and act on."""
    return narrowed(rows, filters, _ACTIONABLE[rows](user), user)


def visible(rows: str, user: Any) -> QuerySet[Any]:
    """Return the rows that a person may see."""
    return _VISIBLE[rows](user)


def narrowed(
    rows: str, filters: Mapping[str, Any], found: QuerySet[Any], user: Any
) -> QuerySet[Any]:
    """Narrow rows of `visible` by a filter; raise WrongFilter where it says nothing.

    The user is who reads them; None is whoever has a shell, who reads all.
    """
    kept = cleaned(rows, filters)
    words = str(kept.pop("search", "")).split()
    for name, value in kept.items():
        found = found.filter(_CONDITIONS[name](rows, value))
    return _searched(rows, words, found, user) if words else found


def _status(rows: str, value: list[str]) -> Q:
    return Q(status__in=value)


def to_destinations(keys: list[str], column: str = "destination") -> Q:
    """Return the condition of being for one of these, or for a topic of one."""
    try:
        topics = [key for key in conf.choices() if key.partition(":")[0] in keys]
    except ConfigurationError:
        topics = []
    return Q(**{f"{column}__in": {*keys, *topics}})


def _failure(rows: str, value: list[str]) -> Q:
    """Of deliveries, refused data is also within what has arrived otherwise."""
    means = Q(failure__in=value)
    if rows == Rows.DELIVERIES and Failure.REFUSED_DATA in value:
        means |= Q(status=Delivery.Status.DELIVERED, refused_count__gt=0)
    return means


def _kind(rows: str, value: list[str]) -> Q:
    if rows == Rows.INGEST_JOBS:
        return Q(data_product_type__in=value)
    return Q(kind__in=value)


def _user(rows: str, value: str) -> Q:
    of = "share__user__username" if rows == Rows.DELIVERIES else "user__username"
    return Q(**{of: value})


def _when(test: str, value: str, rows: str) -> Q:
    """Compare the end of what has ended, of the rest its creation."""
    created = Q(**{f"created__{test}": value})
    if rows == Rows.SHARES:
        return created
    return Q(**{f"ended__{test}": value}) | (Q(ended=None) & created)


def _searched(
    rows: str, words: list[str], found: QuerySet[Any], user: Any
) -> QuerySet[Any]:
    """Look for each word in any of the columns; of shares, not in what is hidden."""
    found = found.filter(_all_of(words, SEARCHED[rows]))
    keys = (
        masking.untold(user, found) if rows == Rows.SHARES and user is not None else []
    )
    if keys:
        others = [name for name in SEARCHED[rows] if name not in masking.NAMING]
        found = found.filter(~Q(pk__in=keys) | _all_of(words, others))
    return found


def _all_of(words: Iterable[str], columns: Iterable[str]) -> Q:
    """Return the condition that each of these words is in any of these columns."""
    columns = tuple(columns)
    return reduce(and_, (_anywhere(columns, word) for word in words), Q())


def _anywhere(columns: Iterable[str], word: str) -> Q:
    parts = (Q(**{f"{column}__icontains": word}) for column in columns)
    return reduce(or_, parts, Q())


_CONDITIONS: dict[str, Callable[[str, Any], Q]] = {
    "status": _status,
    "destination": lambda rows, value: to_destinations(value),
    "failure": _failure,
    "kind": _kind,
    "origin": lambda rows, value: Q(origin__in=value),
    "share": lambda rows, value: Q(share_id=value),
    "user": _user,
    "ids": lambda rows, value: Q(pk__in=value),
    "since": lambda rows, value: _when("gte", value, rows),
    "until": lambda rows, value: _when("lt", value, rows),
    "created_since": lambda rows, value: Q(created__gte=value),
    "created_until": lambda rows, value: Q(created__lt=value),
    "ended_since": lambda rows, value: Q(ended__gte=value),
    "ended_until": lambda rows, value: Q(ended__lt=value),
}
