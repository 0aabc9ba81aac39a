"""Attempts in Django's admin: what happened, try by try, with request and answer."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from tom_share_worker.delivery import visibility
from tom_share_worker.models import Attempt, Delivery, Failure
from tom_share_worker.operating import vocabulary
from tom_share_worker.status.admin import filters
from tom_share_worker.status.admin.base import preformatted
from tom_share_worker.status.admin.celery_results import OfTasks
from tom_share_worker.status.admin.paging import Counted
from tom_share_worker.status.slices import keys

LONGEST_ID = 19
"""Digits of what is looked for as the id of a delivery."""

FEW = 1000
"""Deliveries whose attempts are looked up one by one."""

WINDOW = 4
"""A page is looked for among so many times the attempts that come before its end."""


class _Counted(Counted):
    """Pages of a list of millions."""

    most = 10_000

    def beyond(self, begin: int, end: int) -> list[Any]:
        """Look for a page among the newest attempts first.

        To skip a few thousand of what a person sees, PostgreSQL would join all of
        a million with their deliveries.
        """
        rows: Any = self.object_list
        newest = Attempt.objects.order_by("-id").values_list("pk", flat=True)
        last = newest[WINDOW * end : WINDOW * end + 1].first()
        if last is None or rows.query.order_by != ("-id",):
            return super().beyond(begin, end)
        found = keys(rows.filter(pk__gte=last), begin, end)
        return found if len(found) == end - begin else super().beyond(begin, end)


class _OfAttempts(filters.Named):
    """By a column of attempts."""

    def narrowed(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the attempts."""
        return queryset.filter(**{f"{self.parameter_name}__in": self.values})


class _OutcomeFilter(_OfAttempts):
    """By how the try ended."""

    title = parameter_name = "outcome"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        """Offer the outcomes."""
        return list(Attempt.Outcome.choices)


class _CauseFilter(_OfAttempts):
    """By why the try failed."""

    title, parameter_name = "cause", "failure"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        """Offer the causes."""
        return list(Failure.choices)


class _DestinationFilter(filters.DestinationFilter):
    """By the destination of the delivery."""

    column = "delivery__destination"


class _StartedFilter(filters.TimeFilter):
    """By when the try began."""

    title, parameter_name = "time", "since"

    def narrowed(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the attempts."""
        return queryset.filter(started__gte=vocabulary.moment("since", self.values[-1]))


@admin.register(Attempt)
class AttemptAdmin(OfTasks):
    """What happened, try by try."""

    list_display = (
        *("began", "delivery", "number", "outcome", "failure", "status_code"),
        *("request", "worker", "celery_link"),
    )
    list_filter = (_OutcomeFilter, _CauseFilter, _DestinationFilter, _StartedFilter)
    list_select_related = ("delivery__data_product",)
    search_fields = ("delivery__target_name",)
    paginator = _Counted
    ordering = ("-id",)
    sortable_by = ("began",)
    hidden = ("claim", "delivery__ledger", "answer")
    fields = (
        *("delivery", "number", "outcome", "failure", "started", "ended", "worker"),
        *("note_shown", "request_shown", "status_code", "answer_shown"),
        *("task_id", "celery_result"),
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Begin with what the person may see; answers are for the page of one."""
        found: QuerySet[Any] = visibility.visible_attempts(request.user)
        match = getattr(request, "resolver_match", None)
        if match is not None and match.url_name.endswith("_changelist"):
            found = found.defer("answer", "note")
        return found.defer("claim", "delivery__ledger")

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Name the attempt's own columns only."""
        return ("claim",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Look for the name of a target, or the id of a delivery."""
        term = search_term.strip()
        if not term:
            return queryset, False
        means = Q(target_name__icontains=term)
        if term.isdecimal() and len(term) < LONGEST_ID:
            means |= Q(pk=int(term))
        found = Delivery.objects.filter(means).order_by()
        pks = list(found.values_list("pk", flat=True)[: FEW + 1])
        if len(pks) <= FEW:  # by the index of their deliveries
            return queryset.filter(delivery_id__in=pks), False
        return queryset.filter(delivery__in=found.values("pk")), False

    @admin.display(description="started", ordering="id")
    def began(self, attempt: Attempt) -> Any:
        """Show when it began; sorted by id, which has an index."""
        return attempt.started

    @admin.display(description="request")
    def request_shown(self, attempt: Attempt) -> str:
        """Show the last request: method and address."""
        return preformatted(attempt.request)

    @admin.display(description="answer")
    def answer_shown(self, attempt: Attempt) -> str:
        """Show the answer, cut short and cleaned of secrets when it was written."""
        return preformatted(readable(attempt.answer))

    @admin.display(description="note")
    def note_shown(self, attempt: Attempt) -> str:
        """Show what happened, in words."""
        return preformatted(attempt.note)


def readable(answer: str) -> str:
    """Return an answer laid out for people, where it is whole JSON; else as it is."""
    try:
        return json.dumps(json.loads(answer), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return answer
