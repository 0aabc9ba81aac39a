"""The page of a share, and the part of it that renews itself; called through `urls`.

Every page begins with what the person may see: other shares do not exist for them, and
answer 404. Of a share, each person sees the deliveries of targets they may view.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.views.generic import TemplateView

from tom_share_worker import toolkit
from tom_share_worker.delivery import visibility
from tom_share_worker.delivery.asking import again, masking
from tom_share_worker.models import Delivery, Failure, Share
from tom_share_worker.status import (
    badge,
    causes,
    cures,
    delivery_filters,
    notices,
    overview,
    polling,
    refusals,
    tables,
    target_choice,
    verbs,
    words,
)


class ShareDetail(LoginRequiredMixin, TemplateView):
    """One share: how far it is, what failed and why, its deliveries."""

    template_name = "tom_share_worker/share_detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Gather all that is known of the share, and that the person may know."""
        user = self.request.user
        share = get_share(self.request, kwargs["pk"])
        badge.saw(user, share)
        seen = visibility.deliveries_of(user, share)
        standing = _standing(self.request, share, seen)
        chosen = delivery_filters.DeliveryFilters.of(
            self.request, tables.deliveries(seen), standing["tally"]
        )
        table = tables.DeliveryTable(chosen.qs, destination=standing["destination"])
        return super().get_context_data(
            table=tables.paginated(self.request, table, chosen.counted),
            filter=chosen,
            filtered=chosen.filtered,
            refusals=_refusals(standing, seen),
            may_share_again=again.may_share_again(user, share),
            target=_viewable_target(user, share),
            **_as_html(standing),
            **kwargs,
        )


class ShareProgress(polling.Polled):
    """The part of the share's page that changes, for htmx; or the same as JSON."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Answer in the form that is asked for."""
        share = get_share(request, pk)
        seen = visibility.deliveries_of(request.user, share)
        standing = _standing(request, share, seen)
        if request.get_preferred_type(["text/html", "application/json"]) == (
            "application/json"
        ):
            answer: HttpResponse = JsonResponse(_as_json(standing))
        else:
            answer = _fragment(request, standing)
        patch_cache_control(answer, no_store=True)
        patch_vary_headers(answer, ["Accept"])
        return answer


def get_share(request: HttpRequest, pk: int) -> Share:
    """Return a share the person may see, or answer 404."""
    visible = visibility.visible_shares(request.user).select_related("user", "target")
    visible = visible.select_related("target_list", "data_product")
    shares = masking.with_subjects(request.user, visible)
    found = get_object_or_404(shares.defer("selection", "plan_cursor"), pk=pk)
    return masking.masked(found)


def _fragment(request: HttpRequest, standing: dict[str, Any]) -> HttpResponse:
    """Render the fragment; have the page loaded anew where its buttons change."""
    progress = standing["progress"]
    answer = render(
        request,
        "tom_share_worker/partials/share_progress.html",
        _as_html(standing),
        status=polling.STOP if progress.ended else 200,
    )
    shown = request.GET.get("retry", cures.ALL)
    more = cures.RETRIES.index(standing["retries"])
    retry_is_new = shown in cures.RETRIES[:more]
    if progress.ended or retry_is_new:
        answer["HX-Refresh"] = "true"
    return answer


def _as_html(standing: dict[str, Any]) -> dict[str, Any]:
    return {**standing, "worker_note": notices.marked_up(standing["worker_note"])}


def _as_json(standing: dict[str, Any]) -> dict[str, Any]:
    progress = standing["progress"]
    return {
        "status": progress.status,
        "ended": progress.ended,
        "percent": progress.percent,
        "deliveries": progress.deliveries,
        "datums": {
            "delivered": progress.datums.delivered,
            "already_there": progress.datums.already_there,
            "refused": progress.datums.refused,
            "total": progress.datums.total,
        },
        "note": progress.note,
        "hidden_note": standing["hidden_note"],
        "destination_note": standing["destination_note"],
        "worker_note": standing["worker_note"],
    }


def _standing(
    request: HttpRequest, share: Share, seen: QuerySet[Delivery]
) -> dict[str, Any]:
    """Gather how a share stands: progress, causes of failure, reasons to wait."""
    user = request.user
    destination = notices.state(share.destination)
    tally = overview.tally(share, seen)
    closed = notices.takes_nothing(destination)
    refuses_us = notices.refuses_us(destination)
    prepares = verbs.may_prepare(user, share, tally)
    progress = overview.progress(
        share, tally, closed=closed, refuses_us=refuses_us, may_prepare=prepares
    )
    waits = not progress.ended
    troubled = waits or progress.retryable
    known = target_choice.first_waiting(share, tally, seen)
    choice = known if known and target_choice.may_choose(user, known) else None
    may = cures.powers(user, share, choice)
    found = causes.of_tally(tally)
    cured = cures.of(found, may, destination)
    return {
        "share": share,
        "subject": masking.subject(share),
        "tally": tally,
        "progress": progress,
        "hidden_note": _hidden_note(user, share, progress.total),
        "causes": found,
        "cures": cured,
        "retries": cures.retries(cured, share, tally, progress),
        "choice": choice,
        "may_act": may.may_act,
        "may_cancel": may.may_act and verbs.may_cancel(share, tally, prepares),
        "destination": destination,
        "destination_note": notices.destination_note(destination) if troubled else "",
        "worker_note": notices.worker_note(user) if waits else "",
    }


def _hidden_note(user: Any, share: Share, seen: int) -> str:
    """Say how much of a share the reader does not see, or nothing where it is all."""
    number = visibility.hidden_count(user, share, seen)
    if number <= 0:
        return ""
    concern = "concerns a target" if number == 1 else "concern targets"
    return (
        f"{words.deliveries(number)} of this share {concern} that you may not view. "
        f"They are not counted here, and the buttons leave them alone."
    )


def _refusals(standing: dict[str, Any], seen: QuerySet[Delivery]) -> Any:
    """Return what was refused and why, without a query where nothing was."""
    found: list[causes.Cause] = standing["causes"]
    if any(cause.failure == Failure.REFUSED_DATA for cause in found):
        return refusals.of(seen, standing["tally"])
    return None


def _viewable_target(user: Any, share: Share) -> Any:
    """Return the one target that a share is about, if the person may view it."""
    if share.target_id is None:
        return None
    return toolkit.viewable_targets(user, [share.target_id]).first()
