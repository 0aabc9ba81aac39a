"""The page that the badge leads to: what failed of a person's own and was not seen yet.

Opening it marks nothing, as it tells too little; opening a row does, or its button.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views import View
from django.views.generic import TemplateView

from tom_share_worker.status import badge, tables
from tom_share_worker.status.incoming import tables as incoming

SHOWN = 50
"""Rows of each kind; those that are seen make room for the rest."""


class UnseenFailures(LoginRequiredMixin, TemplateView):
    """Shares and uploads that failed, the last first, and the button for all."""

    template_name = "tom_share_worker/unseen.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Gather both tables."""
        user = self.request.user
        shares = tables.shares(badge.shares_of(user)).order_by("-ended", "-pk")
        jobs = incoming.jobs(badge.jobs_of(user)).order_by("-ended", "-pk")[:SHOWN]
        uploads = incoming.IngestJobTable(jobs)
        # All that is listed is about targets that the person may view.
        uploads.viewable = {job.target_id for job in jobs if job.target_id is not None}
        return super().get_context_data(
            shares=tables.ShareTable(shares[:SHOWN], exclude=("user",)),
            uploads=uploads,
            shown=SHOWN,
            days=badge.NEWS_FOR.days,
            **kwargs,
        )


class MarkSeen(LoginRequiredMixin, View):
    """Mark all that failed as seen."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Mark it, and go to the shares, where all of it stays."""
        badge.saw_all(request.user)
        messages.success(
            request, "All that failed is marked as seen. It stays in the lists."
        )
        return redirect("tom_share_worker:share-list")
