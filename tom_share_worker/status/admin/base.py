"""What all lists of this app in Django's admin have in common: they are read, and their
rows are acted on by verbs, and nothing is edited. Subclassed by the other modules here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_permission_codename
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from tom_share_worker.delivery.visibility import OPERATE
from tom_share_worker.status import words
from tom_share_worker.status.admin.paging import ByKeys, Counted

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
else:
    ModelAdmin = admin.ModelAdmin
    TabularInline = admin.TabularInline


class ReadOnly(ModelAdmin):
    """View, and nothing else, in a fixed number of queries."""

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    actions_on_bottom = True
    paginator = Counted

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Look for the rows of a page by their keys first."""
        return ByKeys

    hidden: tuple[str, ...] = ()
    """Columns that may be large, are of no use to people, and are never loaded."""

    class Media:
        css = {"all": ["tom_share_worker/admin.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave out the large columns."""
        return super().get_queryset(request).defer(*self.hidden)

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Do not show them, either."""
        return self.hidden

    def lookup_allowed(self, lookup: str, value: str, request: Any = None) -> bool:
        """Allow the filters that the list offers: by others one could guess what is
        not shown, and some take what no database holds.
        """
        offered: Any = self.get_list_filter(request)
        names = {getattr(one, "parameter_name", one) for one in offered}
        return lookup.removesuffix("__exact") in names

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        """Nobody adds rows by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody edits rows by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes rows by hand; some go with the row of another app.

        Django asks here for each of those, too, and would refuse to delete a target
        that was shared.
        """
        return obj is not None and not self._is_ours(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Operators view whatever they may act on."""
        allowed = super().has_view_permission(request, obj)
        allowed = allowed or self._has(request, "view") or self._has(request, "change")
        return bool(allowed or request.user.has_perm(OPERATE))

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Ask for the permission to operate, before a verb is offered.

        The permission to change these rows, as Django names it, serves as well.
        """
        return self._has(request, "change") or request.user.has_perm(OPERATE)

    def _is_ours(self, request: HttpRequest) -> bool:
        """True on the pages of this app, where nothing is to be deleted."""
        match = request.resolver_match
        name = match.url_name if match is not None else None
        return name is None or name.startswith(f"{self.opts.app_label}_")

    def _has(self, request: HttpRequest, verb: str) -> bool:
        codename = get_permission_codename(verb, self.opts)
        return bool(request.user.has_perm(f"{self.opts.app_label}.{codename}"))

    def tell(self, request: HttpRequest, done: int, left: int, verb: str) -> None:
        """Report how many rows a verb acted on, and how many it left alone."""
        noun, plural = str(self.opts.verbose_name), str(self.opts.verbose_name_plural)
        said = f"{words.count(done, noun, plural)} {verb}."
        if left:
            said += f" {words.count(left, noun, plural)} left alone: not in a state "
            said += "for it."
        self.message_user(request, said, messages.SUCCESS if done else messages.WARNING)


def preformatted(text: str) -> SafeString | str:
    """Show text line by line as it is, escaped; long lines are broken."""
    if not text:
        return "—"
    return format_html('<pre class="share-pre">{}</pre>', text)


def link(address: str, text: str) -> SafeString:
    """Return a link."""
    return format_html('<a href="{}">{}</a>', address, text)
