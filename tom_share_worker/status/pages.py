"""The pages about shares, and the buttons on them; called through `urls`.

Every page begins with what the person may see: the shares of others do not exist for
them, and answer 404.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.views import View
from django.views.generic import TemplateView

from tom_share_worker import toolkit
from tom_share_worker.delivery import actions
from tom_share_worker.models import Delivery, RemoteTarget, Share, retrying
from tom_share_worker.models.delivery import WAITS_FOR_A_PERSON
from tom_share_worker.status import (
    badge,
    causes,
    fates,
    notices,
    overview,
    tables,
    target_choice,
    words,
)

STOP_POLLING = 286
"""The status by which htmx learns that it need not ask again."""


class ShareList(LoginRequiredMixin, TemplateView):
    """All shares a person may see, the newest first."""

    template_name = "tom_share_worker/share_list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Gather the table and the word about workers."""
        user = self.request.user
        everyone = overview.sees_all(user)
        table = tables.ShareTable(
            tables.shares(overview.visible_shares(user)),
            exclude=() if everyone else ("user",),
        )
        return super().get_context_data(
            table=tables.paginated(self.request, table),
            everyone=everyone,
            keeps=overview.keeps_destinations(user),
            worker_note=notices.marked_up(notices.worker_note(user)),
            **kwargs,
        )


class ShareDetail(LoginRequiredMixin, TemplateView):
    """One share: how far it is, what failed and why, its deliveries."""

    template_name = "tom_share_worker/share_detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Gather all that is known of the share."""
        share = _share(self.request, kwargs["pk"])
        badge.saw(self.request.user, share)
        standing = _standing(share, self.request.user)
        status = self.request.GET.get("status", "")
        filters = standing["filters"]
        status = status if status in filters else ""
        counted = filters[status] if status else standing["progress"].total
        table = tables.DeliveryTable(
            tables.deliveries(share, status), destination=standing["destination"]
        )
        return super().get_context_data(
            table=tables.paginated(self.request, table, counted),
            may_act=overview.may_act(self.request.user, share),
            status_filter=status,
            target=_viewable_target(self.request.user, share),
            **_as_html(standing),
            **kwargs,
        )


class ShareProgress(LoginRequiredMixin, View):
    """The part of the share's page that changes, for htmx; or the same as JSON."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Answer in the form that is asked for."""
        share = _share(request, pk)
        standing = _standing(share, request.user)
        if request.get_preferred_type(["text/html", "application/json"]) == (
            "application/json"
        ):
            answer: HttpResponse = JsonResponse(_as_json(standing))
        else:
            answer = _fragment(request, standing)
        patch_cache_control(answer, no_store=True)
        patch_vary_headers(answer, ["Accept"])
        return answer


def _fragment(request: HttpRequest, standing: dict[str, Any]) -> HttpResponse:
    """Render the fragment; have the page loaded anew where its buttons change."""
    progress = standing["progress"]
    answer = render(
        request,
        "tom_share_worker/partials/share_progress.html",
        _as_html(standing),
        status=STOP_POLLING if progress.ended else 200,
    )
    retry_is_new = progress.retryable and request.GET.get("retry") == "no"
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
        "destination_note": standing["destination_note"],
        "worker_note": standing["worker_note"],
    }


def _standing(share: Share, user: Any) -> dict[str, Any]:
    """Gather how a share stands: progress, causes of failure, reasons to wait."""
    destination = notices.state(share.destination)
    tally = overview.tally(share)
    progress = overview.progress(share, tally)
    waits = not progress.ended
    troubled = waits or progress.retryable
    choice = target_choice.first_waiting(share, tally)
    return {
        "share": share,
        "progress": progress,
        "filters": _filters(tally),
        "causes": causes.of_tally(tally),
        "choice": choice if choice and target_choice.may_choose(user, choice) else None,
        "destination": destination,
        "destination_note": notices.destination_note(destination) if troubled else "",
        "worker_note": notices.worker_note(user) if waits else "",
    }


def _filters(tally: overview.Tally) -> dict[str, int]:
    """Count the deliveries by how they stand, in the words of their table."""
    counts = dict.fromkeys([*Delivery.Status.values, WAITS_FOR_A_PERSON], 0)
    for row in tally:
        stands = WAITS_FOR_A_PERSON if overview.must_choose(row) else row["status"]
        counts[stands] += row["n"]
    return counts


class ShareRetry(LoginRequiredMixin, View):
    """Send again what did not arrive."""

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Retry and go back to the share."""
        share = _share(request, pk)
        _require_act(request, share)
        planned = share.deliveries.exists()
        count = actions.retry_share(share)
        if count and not planned:
            messages.success(request, "The share is being prepared again.")
        else:
            _tell_retry(request, count, share)
        return redirect(share)


class ShareCancel(LoginRequiredMixin, View):
    """Send no more of a share."""

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Cancel and go back to the share."""
        share = _share(request, pk)
        _require_act(request, share)
        if share.is_ended:
            messages.warning(
                request, "This share has ended already, so nothing was cancelled."
            )
        else:
            count = actions.cancel_share(share)
            messages.success(
                request,
                f"The share is cancelled: {words.deliveries(count)} will not be sent. "
                f"What has arrived stays there."
                if count
                else "The share is cancelled before anything was sent.",
            )
        return redirect(share)


class DeliveryDetail(LoginRequiredMixin, TemplateView):
    """One delivery: its attempts, and the data points that did not arrive."""

    template_name = "tom_share_worker/delivery_detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Gather all that is known of the delivery."""
        delivery = _delivery(self.request, kwargs["pk"])
        destination = notices.state(delivery.destination)
        waits = delivery.status in (Delivery.Status.QUEUED, Delivery.Status.SENDING)
        table = tables.AttemptTable(tables.attempts(delivery))
        return super().get_context_data(
            delivery=delivery,
            waits=waits,
            next_attempt=notices.next_attempt(delivery, destination),
            destination_note=notices.destination_note(destination) if waits else "",
            share=delivery.share,
            table=tables.paginated(self.request, table),
            fates=fates.of(delivery),
            cure=causes.cure(delivery),
            choice=_choice(self.request, delivery),
            retryable=retrying.needs_retry(
                delivery.status, delivery.failure, delivery.refused_count
            ),
            may_act=overview.may_act(self.request.user, delivery.share),
            **kwargs,
        )


class DeliveryRetry(LoginRequiredMixin, View):
    """Send one delivery again, or now."""

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Retry and go back to the delivery."""
        delivery = _delivery(request, pk)
        _require_act(request, delivery.share)
        count = actions.retry(Delivery.objects.filter(pk=pk))
        _tell_retry(request, count, delivery.share)
        return redirect("tom_share_worker:delivery-detail", pk=pk)


def _share(request: HttpRequest, pk: int) -> Share:
    """Return a share the person may see, or answer 404."""
    shares = overview.visible_shares(request.user).select_related("user")
    return get_object_or_404(shares.defer("selection", "plan_cursor"), pk=pk)


def _viewable_target(user: Any, share: Share) -> Any:
    """Return the one target that a share is about, if the person may view it."""
    if share.target_id is None:
        return None
    return toolkit.viewable_targets(user, [share.target_id]).first()


def _delivery(request: HttpRequest, pk: int) -> Delivery:
    """Return a delivery of a share the person may see, or answer 404."""
    visible = tables.with_target(Delivery.objects.all()).filter(
        share__in=overview.visible_shares(request.user)
    )
    return get_object_or_404(visible.select_related("share", "data_product"), pk=pk)


def _choice(request: HttpRequest, delivery: Delivery) -> RemoteTarget | None:
    """Return what the person may choose for the target of a delivery."""
    known = target_choice.of_delivery(delivery)
    return known if known and target_choice.may_choose(request.user, known) else None


def _require_act(request: HttpRequest, share: Share) -> None:
    if not overview.may_act(request.user, share):
        raise PermissionDenied("You may see this share, but not retry or cancel it.")


def _tell_retry(request: HttpRequest, count: int, share: Share) -> None:
    if count:
        go = notices.go_again(count, [share.destination])
        tell = messages.success if go == notices.GO_NOW else messages.info
        tell(request, f"{words.deliveries(count)} {go}.")
    else:
        messages.warning(
            request,
            "There is nothing to send again: what has arrived, or is under way, "
            "is left alone.",
        )
