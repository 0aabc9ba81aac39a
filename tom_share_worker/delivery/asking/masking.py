"""What of a share is hidden from a person who sees it: for pages, API, admin, commands.

The subject of a share of several targets names some of them, and that of a share of a
list names the list. Where the reader may not view these, the subject tells the kind
alone; title, message, authors and the list are left out, as their words may name the
same; and no search finds them. Who asked for a share reads their own words always.
"""

from __future__ import annotations

from typing import Any

from django.db.models import (
    BooleanField,
    Case,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.lookups import IsNull

from tom_share_worker import toolkit
from tom_share_worker.delivery import visibility
from tom_share_worker.models import Delivery, Share

NAMING = ("subject", "title")
"""The columns that a search looks into, and that may name what is hidden."""


def with_subjects(user: Any, shares: QuerySet[Share]) -> QuerySet[Share]:
    """Tell of each share whether it `hides` its subject from a person.

    Where the targets have no deliveries of their own (before it is planned, where
    something was left out, in messages), nobody but the one who asked for it is sure
    to view them.
    """
    reader = Value(user.pk if user is not None else None, output_field=IntegerField())
    hides: Any = Value(user is None, output_field=BooleanField())
    if user is not None and not visibility.is_superuser(user):
        hidden = Q(IsNull(_first(visibility.hidden_deliveries(user)), False))
        when = When(_hides(user, hidden), then=True)
        hides = Case(when, default=False, output_field=BooleanField())
    return shares.annotate(hides=hides, reader=reader)


def hiding(user: Any, shares: QuerySet[Share]) -> QuerySet[Share]:
    """Return those of these shares that hide their subject.

    The same as `hides` says of one, found at once for all that a search may match:
    PostgreSQL reckons it dear to look at the deliveries of each share by itself, and
    takes seconds to compile what runs for milliseconds.
    """
    if visibility.is_superuser(user):
        return shares.none()
    several = shares.filter(_SEVERAL).order_by()
    hidden = visibility.hidden_deliveries(user).order_by()
    # Distinct, so that they are few enough to be looked up in the memory.
    of_hidden = hidden.filter(share__in=several.values("pk")).values("share_id")
    return shares.order_by().filter(_hides(user, Q(pk__in=of_hidden.distinct())))


def untold(user: Any, matching: QuerySet[Share]) -> list[int]:
    """Return which of the shares that match a search it must not find by `NAMING`:
    finding one would tell what it says.

    As keys: what is found without them serves the count and the page.
    """
    return list(hiding(user, matching).values_list("pk", flat=True))


def subject(share: Share) -> str:
    """Return what is shared, in words, without the names of what is hidden.

    For shares of `with_subjects`.
    """
    if getattr(share, "hides", False):
        return str(share.get_kind_display())
    return share.subject


def hides_words(share: Share) -> bool:
    """True where title, message and authors are hidden, too: from all but their author.

    For shares of `with_subjects`.
    """
    return getattr(share, "hides", False) and share.user_id != getattr(
        share, "reader", None
    )


def masked(share: Share) -> Share:
    """Take out of a share of `with_subjects` what is hidden, before it is shown."""
    share.subject = subject(share)
    if hides_words(share):
        share.title = share.message = share.authors = ""
        share.target_list = None
    return share


def _hides(user: Any, hidden: Q) -> Q:
    """Return the condition that a subject names what is hidden, by the condition that
    some deliveries of its share are hidden.
    """
    each = Delivery.objects.exclude(kind=Delivery.Kind.MESSAGE)
    unsure = Q(planned=False) | ~Q(note="") | Q(IsNull(_first(each), True))
    of_others = ~Q(user_id=user.pk)
    lists = toolkit.permitted_ids(user, "view_targetlist")
    of_list = Q(kind=Share.Kind.TARGET_LIST) & of_others & ~Q(target_list__in=lists)
    return (_SEVERAL & ((unsure & of_others) | hidden)) | of_list


def _first(found: QuerySet[Delivery]) -> Subquery:
    """Return the first of these of a share; PostgreSQL reckons EXISTS too dear."""
    return Subquery(found.filter(share=OuterRef("pk")).order_by().values("pk")[:1])


_SEVERAL = Q(target__isnull=True, kind__in=(Share.Kind.TARGETS, Share.Kind.DATUMS))
"""Shares of several targets whose subjects name some of them."""
