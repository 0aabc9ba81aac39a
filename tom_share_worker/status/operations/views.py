"""The pages of the overview: all of it, its live part, its charts.

Called through `admin`. The live part is asked for every few seconds by htmx, the charts
once a minute, or when another period is chosen.
"""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.utils.cache import patch_cache_control

from tom_share_worker.models import TaskStatus
from tom_share_worker.status.operations import (
    charts,
    history,
    links,
    live,
    plotly_js,
    roles,
)

_TEMPLATES = "admin/tom_share_worker/operations"

STOP_POLLING = 286
"""The status by which htmx knows that it need not ask again."""

MAY_NOT_SEE = (
    "The task status is for staff of this TOM who may view shares, deliveries, "
    "destinations or incoming data."
)


def overview(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Show all of it."""
    role = roles.of(request.user)
    if not role.views:
        raise PermissionDenied(MAY_NOT_SEE)
    return page(
        site,
        request,
        "overview",
        title="Sharing: task status",
        plotly=links.page("plotly", version=plotly_js.version()),
        **live.gather(role),
        **_charts(request),
    )


def live_part(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Answer with what is asked for again and again."""
    return _part(site, request, "live", lambda role: live.gather(role))


def charts_part(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Answer with the charts of a period."""
    return _part(site, request, "charts", lambda _: _charts(request))


def _charts(request: HttpRequest) -> dict[str, Any]:
    over = history.period(request.GET.get("period", ""))
    return {
        "period": over,
        "periods": history.PERIODS,
        "charts": charts.of(over),
    }


def _part(
    site: AdminSite, request: HttpRequest, template: str, gather: Any
) -> HttpResponse:
    """Answer with a part of the page; who was logged out meanwhile is told so."""
    role = roles.of(request.user)
    if not (site.has_permission(request) and role.views):
        template = f"{_TEMPLATES}/logged_out.html"
        return render(request, template, status=STOP_POLLING)
    answer = render(request, f"{_TEMPLATES}/{template}.html", gather(role))
    patch_cache_control(answer, no_store=True)
    return answer


def page(
    site: AdminSite, request: HttpRequest, template: str, **shown: Any
) -> HttpResponse:
    """Return a page of the admin with this in it."""
    context = {**site.each_context(request), "opts": TaskStatus._meta, **shown}
    return TemplateResponse(request, f"{_TEMPLATES}/{template}.html", context)
