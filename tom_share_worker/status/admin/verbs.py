"""Retry, cancel and reprocess in the admin's lists: for a selection, and for all that
match the filter. Many rows are done in the background, after a page that says which.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.contrib.admin.views.main import IGNORED_PARAMS, PAGE_VAR, SEARCH_VAR
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from tom_share_worker import conf
from tom_share_worker.models import BulkAction, Destination
from tom_share_worker.operating import (
    audit,
    bulk,
    destinations,
    matching,
    verbs,
    wording,
)
from tom_share_worker.operating.vocabulary import NAMES, WrongFilter, cleaned
from tom_share_worker.status import notices
from tom_share_worker.status.admin import filters
from tom_share_worker.status.admin.base import ReadOnly

Rows = BulkAction.Rows
Verb = BulkAction.Verb

FEW = 100
"""Rows that are done within the request; more go to a worker."""

_PAST = {
    Verb.RETRY: "Retried.",
    Verb.CANCEL: "Cancelled.",
    Verb.REPROCESS: "Reprocessed.",
}


class Acted(ReadOnly):
    """A list whose rows are acted on. `rows` says which of the vocabulary they are."""

    rows: Rows
    verbs: tuple[Verb, ...] = (Verb.RETRY, Verb.CANCEL)
    change_list_template = "admin/tom_share_worker/acted_list.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Begin with what the person may see; columns and all as in the list."""
        return matching.visible(self.rows, request.user).defer(*self.hidden)

    def mask(self, row: Any) -> None:
        """Take out of a row what the person may not read, before it is shown."""

    def lookup_allowed(self, lookup: str, value: str, request: Any = None) -> bool:
        """Allow the names of the vocabulary: what is shown is what the verbs mean."""
        return lookup in NAMES[self.rows]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search as bulk actions do."""
        try:
            asked = {"search": search_term}
            return matching.narrowed(self.rows, asked, queryset, request.user), False
        except WrongFilter as error:
            messages.warning(request, f"Search: {error}")
            return queryset.none(), False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Offer the verbs for all that match, where the list is narrowed."""
        answer = super().changelist_view(request, extra_context)
        shown = getattr(answer, "context_data", None) or {}
        changelist = shown.get("cl")
        for row in () if changelist is None else changelist.result_list:
            self.mask(row)
        if changelist is not None and self.has_act_permission(request):
            narrowed = changelist.has_active_filters or changelist.query
            count = changelist.result_count if narrowed else 0
            kept = urlencoded(request.GET)
            shown["for_all"] = [
                {"title": _for_all(verb, count), "address": f"{self._all(verb)}?{kept}"}
                for verb in (self.verbs if count else ())
            ]
        return answer

    def get_urls(self) -> list[URLPattern]:
        """Add the page on which a verb for many rows is confirmed."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_all"
        view = self.admin_site.admin_view(self.all_view)
        return [path("all/<str:verb>/", view, name=name), *super().get_urls()]

    def _all(self, verb: str) -> str:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_all"
        return reverse(name, args=[verb])

    def act(self, request: HttpRequest, chosen: QuerySet[Any], verb: Verb) -> Any:
        """Act on a selection; where it is all that match, ask before."""
        if request.POST.get("select_across") == "1":
            return redirect(f"{self._all(verb)}?{urlencoded(request.GET)}")
        pks = list(chosen.values_list("pk", flat=True))
        if len(pks) > FEW:
            return self._confirm(request, verb, {"ids": pks})
        self._at_once(request, verb, {"ids": pks})
        return None

    def all_view(self, request: HttpRequest, verb: str) -> HttpResponse:
        """Ask whether a verb is meant for all that match; then act."""
        if verb not in self.verbs or not self.has_act_permission(request):
            raise PermissionDenied
        try:
            if request.method == "POST":
                given = cleaned(self.rows, _posted(request))
                return self._go(request, Verb(verb), given)
            return self._confirm(request, Verb(verb), _asked(self.rows, request.GET))
        except WrongFilter as error:
            messages.error(request, f"Nothing was done. {error.name}: {error}")
            return redirect(self._list())

    def _confirm(
        self, request: HttpRequest, verb: Verb, asked: Mapping[str, Any]
    ) -> HttpResponse:
        """Say what will be done with how many rows, and for whom."""
        given = cleaned(self.rows, asked)
        found = matching.matches(self.rows, given, request.user).order_by()
        fitting = found.filter(verbs.SLICES[verb, self.rows].fits)
        matched, fit = found.count(), fitting.count()
        keys = (
            []
            if self.rows == Rows.INGEST_JOBS
            else _by_destination(fitting, request.user)
        )
        context = {
            **self.admin_site.each_context(request),
            "title": f"{verb.label} {wording.counted(fit, self.rows)}?",
            "opts": self.opts,
            "verb": verb.label,
            "asked": wording.described(self.rows, given),
            "effect": wording.effect(verb, self.rows),
            "count": fit,
            "counted": wording.counted(fit, self.rows),
            "left": wording.counted(matched - fit, self.rows) if matched > fit else "",
            "destinations": keys,
            "background": fit > FEW,
            "filters": json.dumps(given),
            "action": self._all(verb),
            "back": f"{self._list()}?{urlencoded(request.GET)}",
        }
        return TemplateResponse(request, "admin/tom_share_worker/confirm.html", context)

    def _go(
        self, request: HttpRequest, verb: Verb, given: dict[str, Any]
    ) -> HttpResponse:
        """Act at once on a few; of many, make a bulk action and lead to its page."""
        found = matching.matches(self.rows, given, request.user)
        doing = verbs.SLICES[verb, self.rows]
        if found.filter(doing.fits).order_by().values("pk")[: FEW + 1].count() <= FEW:
            self._at_once(request, verb, given, only_fitting=True)
            return redirect(self._list())
        action = bulk.ask(request.user, verb, self.rows, given)
        page = "admin:tom_share_worker_bulkaction_change"
        return redirect(reverse(page, args=[action.pk]))

    def _at_once(
        self,
        request: HttpRequest,
        verb: Verb,
        given: dict[str, Any],
        *,
        only_fitting: bool = False,
    ) -> None:
        """Act on a few rows, and tell of each in the log."""
        doing = verbs.SLICES[verb, self.rows]
        found = matching.matches(self.rows, given, request.user).order_by("pk")
        fitting = found.filter(doing.fits).defer(*self.hidden)
        related: Any = self.list_select_related
        chosen = list(fitting.select_related(*related)[:FEW])
        asked = len(chosen) if only_fitting else found.count()
        for row in chosen:
            self.mask(row)
        with transaction.atomic():
            done = doing.act([row.pk for row in chosen], request.user)
        audit.record(request.user, chosen, _PAST[verb])
        said = wording.DONE[verb, self.rows]
        if verb == Verb.RETRY:
            said = notices.go_again(done, {row.destination for row in chosen})
        self.tell(request, done, asked - done, said)

    def _list(self) -> str:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"
        return reverse(name)


def _for_all(verb: Verb, count: int) -> str:
    if count > ReadOnly.paginator.most:
        return f"{verb.label} all that match, more than {ReadOnly.paginator.most:,}"
    return f"{verb.label} all {count:,} that match"


def urlencoded(given: QueryDict) -> str:
    """Return the parameters of a list's address without the number of the page."""
    kept = given.copy()
    for name in (PAGE_VAR, "e"):
        kept.pop(name, None)
    return kept.urlencode()


def _asked(rows: str, given: QueryDict) -> dict[str, Any]:
    """Return what the address of a list asks for, by the names of the vocabulary."""
    asked: dict[str, Any] = {}
    for name, values in given.lists():
        some = [value for value in values if value]
        if name == SEARCH_VAR:
            asked["search"] = some[-1] if some else ""
        elif name not in (*IGNORED_PARAMS, PAGE_VAR, "e") and some:
            asked[name] = filters.meant(name, some)
    return asked


def _posted(request: HttpRequest) -> dict[str, Any]:
    """Return the filter that the page of confirmation has shown."""
    with suppress(ValueError):
        found = json.loads(request.POST.get("filters", ""))
        if isinstance(found, dict):
            return found
    raise WrongFilter("filters", "Ask for it once more from the list.")


def _by_destination(found: QuerySet[Any], user: Any) -> list[dict[str, Any]]:
    """Say how many of the rows are for whom, and who takes nothing now."""
    counts = found.values_list("destination").annotate(n=Count("pk"))
    keeps = destinations.may_steer(user)
    states = Destination.objects.select_related("paused_by").in_bulk(field_name="key")
    return [
        {
            "name": conf.display_name(key),
            "count": f"{n:,}",
            "note": notices.destination_note(states.get(key), to_keeper=keeps),
        }
        for key, n in sorted(counts, key=lambda pair: -pair[1])
    ]
