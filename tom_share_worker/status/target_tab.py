"""The "Sharing" tab on the host's page of a target, and the same as a page of its own.

The host shows the tab (`apps.target_detail_tabs`); what is in it is loaded when it is
opened, so that the page of the target is as fast as before. The page of its own is for
TOMs whose page of a target has no tabs, and for browsers without JavaScript.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.cache import patch_cache_control
from django.views.generic import TemplateView

from tom_share_worker import toolkit
from tom_share_worker.delivery import permissions
from tom_share_worker.ingest import visibility as receiving
from tom_share_worker.models import IngestJob
from tom_share_worker.status import target_history
from tom_share_worker.status.incoming import overview as incoming
from tom_share_worker.status.persistent import overview as persistent
from tom_share_worker.status.polling import Polled

JOBS_SHOWN = 5
"""Incoming files on the tab; the list of incoming data has the rest."""

_NEWS = (
    IngestJob.Status.QUEUED,
    IngestJob.Status.RUNNING,
    IngestJob.Status.FAILED,
)
"""How incoming data stands that is told of: what is processed is among the data."""


def of_page(context: Mapping[str, Any]) -> dict[str, Any]:
    """Tell the tab whose page it is on; called by the host, twice for each page.

    A page of a target of the TOM's own may name it as the host does, or as Django.
    """
    return {"sharing_of": context.get("target") or context.get("object")}


class TargetSharingTab(Polled):
    """What is in the tab, for htmx."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Answer with the fragment."""
        target = _target(request, pk)
        page = "tom_share_worker/partials/target_sharing.html"
        answer = render(request, page, gathered(request.user, target))
        patch_cache_control(answer, no_store=True)
        return answer


class TargetSharing(LoginRequiredMixin, TemplateView):
    """The same as a page."""

    template_name = "tom_share_worker/target_sharing.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Gather what the tab shows."""
        target = _target(self.request, kwargs["pk"])
        return super().get_context_data(**kwargs, **gathered(self.request.user, target))


def _target(request: HttpRequest, pk: int) -> Any:
    """Return a target that the person may view, or answer 404."""
    return get_object_or_404(toolkit.viewable_targets(request.user), pk=pk)


def gathered(user: Any, target: Any) -> dict[str, Any]:
    """Gather all that a person may know of the sharing of a target."""
    entries, more = target_history.entries(user, target)
    jobs = receiving.visible_jobs(user).filter(target=target.pk, status__in=_NEWS)
    found = list(jobs.defer("traceback", "groups")[: JOBS_SHOWN + 1])
    return {
        "target": target,
        "entries": entries,
        "more": more,
        "may_share": not permissions.target_objection(user, target),
        **_continuous(user, target),
        "jobs": [(job, incoming.sentence(job)) for job in found[:JOBS_SHOWN]],
        "more_jobs": len(found) > JOBS_SHOWN,
    }


def _continuous(user: Any, target: Any) -> dict[str, Any]:
    """Gather the persistent shares of the target, and what may be done about them."""
    may_view = persistent.may(user, "view")
    rows = persistent.visible(user, target.pk).order_by("destination")
    return {
        "may_view_continuous": may_view,
        "may_share_continuously": persistent.may(user, "add")
        and toolkit.may_change_target(user, target.pk),
        "standings": persistent.in_brief(list(rows)) if may_view else [],
    }
