"""The buttons on the pages of a share and its deliveries; called through `urls`."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.html import format_html
from django.views import View

from tom_share_worker.delivery import actions, visibility
from tom_share_worker.delivery.asking import again, masking
from tom_share_worker.exceptions import ConfigurationError, ShareRefused
from tom_share_worker.models import Delivery, Failure, Share
from tom_share_worker.operating import destinations
from tom_share_worker.status import causes, notices, verbs, words


class ShareRetry(LoginRequiredMixin, View):
    """Send again what did not arrive: all of it, or what failed for one cause."""

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Retry and go back to the share."""
        share = _to_act_on(request, pk)
        cause = request.POST.get("cause", "")
        if "resume" in request.POST:
            _resume(request, share.destination)
        if cause in Failure.values:
            which = causes.deliveries_with(cause)
            _tell_retry(request, verbs.retry_some(request.user, share, which), share)
            return redirect(share)
        anew = verbs.prepares(request.user, share)
        count = verbs.retry(request.user, share)
        if count and anew:
            messages.success(request, "The share is being prepared again.")
        else:
            _tell_retry(request, count, share)
        return redirect(share)


def _resume(request: HttpRequest, destination: str) -> None:
    if not destinations.may_steer(request.user):
        raise PermissionDenied("You may retry this share, but not resume destinations.")
    destinations.resume(request.user, [destination])


class ShareCancel(LoginRequiredMixin, View):
    """Send no more of a share."""

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Cancel and go back to the share."""
        share = _to_act_on(request, pk)
        if share.is_ended:
            messages.warning(
                request, "This share has ended already, so nothing was cancelled."
            )
            return redirect(share)
        count = verbs.cancel(request.user, share)
        if count is None:
            messages.warning(request, verbs.NOTHING_TO_CANCEL)
        else:
            goes_on = verbs.what_goes_on(request.user, share)
            messages.success(request, _cancelled(count, goes_on))
        return redirect(share)


def _cancelled(count: int, goes_on: str) -> str:
    if not count:
        return f"The share is cancelled before anything was sent. {goes_on}".strip()
    not_sent = f"{words.deliveries(count)} will not be sent."
    if not goes_on:
        not_sent = f"The share is cancelled: {not_sent}"
    return f"{not_sent} What has arrived stays there. {goes_on}".strip()


class ShareAgain(LoginRequiredMixin, View):
    """Ask for the same once more, with the data there is now."""

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Make a new share and lead to it, or say why it may not be."""
        visible = visibility.visible_shares(request.user)
        told = masking.with_subjects(request.user, visible)
        earlier = get_object_or_404(told, pk=pk)
        with_target = "with_target" in request.POST
        try:
            made = again.share_again(request.user, earlier, with_target=with_target)
        except (ShareRefused, ConfigurationError) as refusal:
            messages.error(request, str(refusal))
            return redirect(earlier)
        messages.success(
            request,
            format_html(
                "{} goes to {} again, with the data there is now. This is the new "
                'share; <a class="alert-link" href="{}">the earlier one</a> stays as '
                "it is.",
                made.subject,
                made.destination_name,
                earlier.get_absolute_url(),
            ),
        )
        return redirect(made)


class DeliveryRetry(LoginRequiredMixin, View):
    """Send one delivery again, or now."""

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Retry and go back to the delivery."""
        visible = visibility.visible_deliveries(request.user)
        delivery = get_object_or_404(visible.select_related("share"), pk=pk)
        require_act(request.user, delivery.share)
        count = actions.retry(Delivery.objects.filter(pk=pk))
        _tell_retry(request, count, delivery.share)
        return redirect("tom_share_worker:delivery-detail", pk=pk)


def require_act(user: Any, share: Share) -> None:
    """Refuse in words to retry or cancel a share."""
    if not visibility.may_act(user, share):
        raise PermissionDenied(verbs.MAY_NOT_ACT)


def _to_act_on(request: HttpRequest, pk: int) -> Share:
    shares = visibility.visible_shares(request.user).defer("selection", "plan_cursor")
    share = get_object_or_404(shares, pk=pk)
    require_act(request.user, share)
    return share


def _tell_retry(request: HttpRequest, count: int, share: Share) -> None:
    if count:
        go = notices.go_again(count, [share.destination])
        tell = messages.success if go == notices.GO_NOW else messages.info
        tell(request, f"{words.deliveries(count)} {go}.")
    else:
        messages.warning(request, verbs.NOTHING_TO_RETRY)
