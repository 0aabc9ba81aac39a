"""The list of shares: one's own, those of one's targets, all that one may see.

Called through `urls`.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.db.models import Q, QuerySet
from django.views.generic import TemplateView

from tom_share_worker.delivery import visibility
from tom_share_worker.delivery.asking import masking
from tom_share_worker.models import Share
from tom_share_worker.models.delivery import WAITS_FOR_A_PERSON
from tom_share_worker.operating import destinations
from tom_share_worker.status import filtering, notices, tables

MINE, OF_MY_TARGETS = "mine", "targets"

_STATUSES = [
    *Share.Status.choices,
    (WAITS_FOR_A_PERSON, WAITS_FOR_A_PERSON.capitalize()),
]


class ShareFilters(filtering.PageFilters):
    """By what the list may be narrowed."""

    whose = filtering.choice(
        "Whose",
        [(MINE, "Asked for by me"), (OF_MY_TARGETS, "Of targets I may change")],
        method="of_whom",
        empty_label="All that I may see",
    )
    status = filtering.choice("Status", _STATUSES, method="standing_so")
    destination = filtering.destination()
    q = filtering.text("Share or target", "naming")
    since = filtering.day("Asked for from (UTC)", "created")
    until = filtering.day("Up to (UTC)", "created", last=True)
    target = filtering.target("about")

    shown = ("whose", "status", "destination", "q", "since", "until")

    def about(self, found: QuerySet[Share], _: str, value: Any) -> QuerySet[Share]:
        """Narrow to a target: shares of it, and of several with it among them."""
        user = self.request.user
        within = visibility.visible_deliveries(user).filter(target=int(value))
        among = Q(pk__in=within.values("share_id"))
        return found.filter(Q(target=int(value)) | among)

    def of_whom(self, found: QuerySet[Share], _: str, value: str) -> QuerySet[Share]:
        """Narrow to one's own, or to those of targets one may change."""
        user = self.request.user
        if value == MINE:
            return found.filter(user_id=user.pk)
        return found.filter(visibility.of_their_targets(user))

    def standing_so(
        self, found: QuerySet[Share], _: str, value: str
    ) -> QuerySet[Share]:
        """Narrow by status, in the words of the table."""
        return tables.standing_so(found, value)

    def naming(self, found: QuerySet[Share], _: str, value: str) -> QuerySet[Share]:
        """Narrow by a part of the subject, the title, or the target's name.

        Not by subjects that are not shown: finding one would tell what it says.
        """
        named = Q(target__name__icontains=value) | Q(title__icontains=value)
        named |= Q(subject__icontains=value)
        matching = found.filter(named)
        return matching.exclude(pk__in=masking.untold(self.request.user, matching))


class ShareList(LoginRequiredMixin, TemplateView):
    """The shares a person may see, the newest first."""

    template_name = "tom_share_worker/share_list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Gather the table, the filters and the word about workers."""
        user = self.request.user
        visible = masking.with_subjects(user, visibility.visible_shares(user))
        chosen = ShareFilters(self.request.GET or None, visible, request=self.request)
        table = tables.ShareTable(tables.shares(chosen.qs), request=self.request)
        return super().get_context_data(
            table=tables.paginated(self.request, table),
            filter=chosen,
            filtered=chosen.filtered,
            target=filtering.named_target(chosen),
            keeps=destinations.may_view(user),
            worker_note=notices.marked_up(notices.worker_note(user)),
            **kwargs,
        )
