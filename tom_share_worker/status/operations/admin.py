"""The overview in Django's admin: its entry, the addresses of its pages and buttons."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_http_methods, require_POST

from tom_share_worker.models import TaskStatus
from tom_share_worker.status.operations import (
    again,
    plotly_js,
    roles,
    steering,
    views,
)

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin

Page = Callable[[HttpRequest], HttpResponse | dict[str, Any]]


@admin.register(TaskStatus)
class TaskStatusAdmin(_ModelAdmin):
    """No list of rows, but a page of its own."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show the app in the index to whoever may open this."""
        return roles.of(request.user).views

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Offer it in the index to whoever may open it."""
        return roles.of(request.user).views

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        """There are no rows to add."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """There are no rows to change."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """There are no rows to delete."""
        return False

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses of the overview, and none of a list of rows."""
        site = self.admin_site
        named = {
            "changelist": ("", site.admin_view(self.changelist_view)),
            # Asked by scripts: a page to log in would be put where they put an answer.
            "live": ("live/", self._plain(views.live_part)),
            "charts": ("charts/", self._plain(views.charts_part)),
            "plotly": ("plotly.js", site.admin_view(plotly_js.serve, cacheable=True)),
            "pause": ("pause/", self._asking("pause", steering.pause)),
            "resume": ("resume/", site.admin_view(require_POST(steering.resume))),
            "test": ("test/", site.admin_view(require_POST(steering.test))),
            "retry": ("retry/", self._asking("again", again.retry)),
            "reprocess": ("reprocess/", self._asking("again", again.reprocess)),
        }
        return [
            path(route, view, name=f"tom_share_worker_taskstatus_{name}")
            for name, (route, view) in named.items()
        ]

    def changelist_view(self, request: HttpRequest, *_: Any, **__: Any) -> HttpResponse:
        """Show the overview where the admin's index looks for a list."""
        return views.overview(self.admin_site, request)

    def _plain(self, part: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        return lambda request: part(self.admin_site, request)

    def _asking(self, template: str, ask: Page) -> Callable[..., HttpResponse]:
        """Return the view of a page that asks before it acts."""

        @require_http_methods(["GET", "POST"])
        def view(request: HttpRequest) -> HttpResponse:
            shown = ask(request)
            if isinstance(shown, HttpResponse):
                return shown
            return views.page(self.admin_site, request, template, **shown)

        return self.admin_site.admin_view(view)
