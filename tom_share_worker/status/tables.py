"""The tables on the pages: shares, deliveries, attempts; called by `pages`. What all
tables of this room have in common is here, too.

Plain links and not the host's HTMXTable, whose page numbers need JavaScript.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import django_tables2 as tables
from django.core.paginator import Paginator
from django.db.models import (
    Case,
    CharField,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Left
from django.http import HttpRequest
from django.utils.safestring import mark_safe

from tom_share_worker.delivery.asking import masking
from tom_share_worker.models import Attempt, Delivery, Destination, Failure, Share
from tom_share_worker.models.delivery import WAITS_FOR_A_PERSON
from tom_share_worker.status import notices, words
from tom_share_worker.status.slices import Slices

TEXT = {"td": {"class": "running-text"}}

PER_PAGE = 50
"""Rows of a table on one page."""

EXCERPT = 600
"""Characters of an answer on the page: enough for an error text, and no more than a
page of attempts can hold."""

_WAITS = Q(status=Delivery.Status.FAILED, failure=Failure.AMBIGUOUS_TARGET)

_BADGE = "tom_share_worker/partials/badge.html"


def shares(found: QuerySet[Share]) -> QuerySet[Share]:
    """Return shares as their table needs them, without the columns of the planner."""
    waiting = Delivery.objects.filter(_WAITS, share=OuterRef("pk"))
    choice = When(
        Exists(waiting), status__in=Share.ENDED, then=Value(WAITS_FOR_A_PERSON)
    )
    return (
        found.defer("selection", "plan_cursor", "message")
        .select_related("user")
        .annotate(
            standing=Case(
                *(choice, *_held()), default=F("status"), output_field=CharField()
            )
        )
    )


def _held() -> list[When]:
    """Tell those that run and wait until their destination takes something again."""
    sending = Delivery.objects.filter(
        share=OuterRef("pk"), status=Delivery.Status.SENDING
    )
    closed = notices.closed_keys()
    running = Q(status=Share.Status.RUNNING, planned=True, destination__in=closed)
    return [When(running & ~Exists(sending), then=Value(words.WAITS))] if closed else []


def standing_so(found: QuerySet[Share], standing: str) -> QuerySet[Share]:
    """Narrow shares to those that stand so, in the words of their table."""
    waiting = Delivery.objects.filter(_WAITS).values("share_id")
    if standing == WAITS_FOR_A_PERSON:
        return found.filter(status__in=Share.ENDED, pk__in=waiting)
    found = found.filter(status=standing)
    return found.exclude(pk__in=waiting) if standing in Share.ENDED else found


def deliveries(found: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """Return a share's deliveries as their table needs them, without the ledgers."""
    found = with_target(found).select_related("data_product")
    return found.defer("ledger").order_by("position")


def of_standing(standing: str) -> Q:
    """Return the condition that deliveries stand so, in the words of their table."""
    if standing == WAITS_FOR_A_PERSON:
        return _WAITS
    return ~_WAITS & Q(status=standing)


def with_target(found: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """Add the status of what each of these waits for, and how often it was tried."""
    tried = Attempt.objects.filter(delivery=OuterRef("pk")).order_by("-number")
    return found.annotate(
        target_status=F("after__status"),
        tries=Coalesce(Subquery(tried.values("number")[:1]), 0),
    )


def attempts(delivery: Delivery) -> QuerySet[Attempt]:
    """Return a delivery's attempts, the last first, with the answers cut short."""
    return (
        delivery.attempts.defer("answer")
        .annotate(excerpt=Left("answer", EXCERPT))
        .order_by("-number")
    )


def paginated(request: HttpRequest, table: Any, counted: int | None = None) -> Any:
    """Cut a table into pages; do not count rows that are counted already."""

    def paginator(*args: Any, **kwargs: Any) -> Paginator[Any]:
        made = Paginator(*args, **kwargs)
        if counted is not None:
            made.__dict__["count"] = counted  # a cached property
        return made

    paginate = {"per_page": PER_PAGE, "paginator_class": paginator}
    tables.RequestConfig(request, paginate=paginate).configure(table)
    return table


class Table(tables.Table):  # type: ignore[misc]  # django-tables2 carries no types
    """Rows in a fixed order: sorting 100,000 of them at a click would be slow."""

    class Meta:
        template_name = "tom_share_worker/table.html"
        orderable = False
        attrs = {"class": "table share-table table-striped table-hover table-sm"}

    def __init__(self, data: Any, *args: Any, **kwargs: Any) -> None:
        rows = Slices(data) if isinstance(data, QuerySet) else data
        super().__init__(rows, *args, **kwargs)


class ShareTable(Table):
    """The list of shares."""

    subject = tables.Column("Share", linkify=True, attrs=TEXT)
    status = tables.TemplateColumn(template_name=_BADGE, accessor="standing")
    destination = tables.Column("Destination", accessor="destination_name")
    created = tables.Column("Asked for (UTC)")
    user = tables.Column("Person", default="(deleted)")
    again = tables.TemplateColumn(
        template_name="tom_share_worker/partials/share_again.html",
        verbose_name=mark_safe('<span class="visually-hidden">Again</span>'),
    )

    class Meta(Table.Meta):
        empty_text = "No share matches."

    def render_subject(self, record: Share) -> str:
        """Name what is shared, but no target that is hidden from the reader."""
        return masking.subject(record)

    def render_created(self, value: datetime) -> str:
        """Show the time in UTC, whatever the TOM's own time zone."""
        return words.stamp(value)


class DeliveryTable(Table):
    """The deliveries of one share."""

    what = tables.Column(
        "Delivery",
        attrs=TEXT,
        linkify=("tom_share_worker:delivery-detail", {"pk": tables.A("pk")}),
    )
    status = tables.TemplateColumn(template_name=_BADGE, accessor="standing")
    note = tables.Column(attrs=TEXT)
    tries = tables.Column("Attempts")
    next_attempt_at = tables.Column("Next attempt", empty_values=())
    datum_count = tables.Column("Data points there")
    link = tables.TemplateColumn(
        template_name="tom_share_worker/partials/delivery_links.html",
        verbose_name="See it",
        empty_values=(),
    )

    class Meta(Table.Meta):
        empty_text = "There are no deliveries to show."

    def __init__(
        self, *args: Any, destination: Destination | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.destination = destination

    def render_what(self, value: str) -> str:
        """Begin the cell with a capital letter."""
        return value[:1].upper() + value[1:]

    def render_next_attempt_at(self, record: Delivery) -> str:
        """Say in words when it is tried next."""
        return notices.next_attempt(record, self.destination) or "—"

    def render_datum_count(self, record: Delivery) -> str:
        """Count what is there, and what was refused."""
        if not record.datum_count:
            return "—"
        there = record.delivered_count + record.already_there_count
        refused = f", {record.refused_count:,} refused" if record.refused_count else ""
        return f"{there:,} of {record.datum_count:,}{refused}"


class AttemptTable(Table):
    """The attempts at one delivery."""

    number = tables.Column("No.")
    started = tables.Column("Began (UTC)")
    outcome = tables.TemplateColumn(template_name=_BADGE, empty_values=())
    note = tables.Column("What happened", attrs=TEXT)
    request = tables.TemplateColumn(
        template_name="tom_share_worker/partials/attempt_request.html",
        extra_context={"excerpt": EXCERPT},
        verbose_name="Last request and answer",
        attrs=TEXT,
    )

    class Meta(Table.Meta):
        empty_text = "It has not been tried yet."

    def render_started(self, record: Attempt) -> str:
        """Show when it began, and how long it took."""
        begun = words.stamp(record.started)
        if record.ended is None:
            return begun
        took = (record.ended - record.started).total_seconds()
        return f"{begun} ({took:.1f} s)"
