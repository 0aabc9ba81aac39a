"""The terms of a persistent share on the host's own page of it in the admin.

There, too, nobody sees a persistent share of a target that they may not view.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from tom_share_worker import toolkit
from tom_share_worker.models import PersistentShareTerms
from tom_share_worker.status.persistent import overview

if TYPE_CHECKING:
    _StackedInline = admin.StackedInline[Any, Any]
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _StackedInline = admin.StackedInline
    _ModelAdmin = object  # the TOM's own class for this page comes after it


class TermsInline(_StackedInline):
    """Pause and end; the types of data are ticked on the share's own page."""

    model = PersistentShareTerms
    fields = ("paused", "paused_by", "until", "kinds")
    raw_id_fields = ("paused_by",)
    readonly_fields = ("kinds",)
    can_delete = False


class _OfViewableTargets(_ModelAdmin):
    """Begin with what the person sees on the pages of this app, too."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave out those of targets that the person may not view."""
        seen = overview.visible(request.user).order_by().values("pk")
        return super().get_queryset(request).filter(pk__in=seen)


def extend_the_hosts_admin() -> None:
    """Add the terms to the host's page, where the TOM has it."""
    if not admin.site.is_registered(toolkit.PersistentShare):
        return
    page = type(admin.site.get_model_admin(toolkit.PersistentShare))
    columns = {"inlines": [*page.inlines, TermsInline], "__doc__": page.__doc__}
    extended = type(page.__name__, (_OfViewableTargets, page), columns)
    admin.site.unregister(toolkit.PersistentShare)
    admin.site.register(toolkit.PersistentShare, extended)
