"""The terms of a persistent share on the host's own page of it in the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin

from tom_share_worker import toolkit
from tom_share_worker.models import PersistentShareTerms

if TYPE_CHECKING:
    _StackedInline = admin.StackedInline[Any, Any]
else:
    _StackedInline = admin.StackedInline


class TermsInline(_StackedInline):
    """Pause and end; the types of data are ticked on the share's own page."""

    model = PersistentShareTerms
    fields = ("paused", "paused_by", "until", "kinds")
    raw_id_fields = ("paused_by",)
    readonly_fields = ("kinds",)
    can_delete = False


def extend_the_hosts_admin() -> None:
    """Add the terms to the host's page, where the TOM has it."""
    if admin.site.is_registered(toolkit.PersistentShare):
        page = admin.site.get_model_admin(toolkit.PersistentShare)
        page.inlines = [*page.inlines, TermsInline]  # type: ignore[misc]
