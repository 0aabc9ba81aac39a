"""The pages of persistent shares: all, those of a target, and one with its terms.

The first two stand at the host's own addresses (see the door `urls`).
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.generic import TemplateView, View

from tom_share_worker import conf, toolkit
from tom_share_worker.delivery import visibility
from tom_share_worker.delivery.asking import answers, masking
from tom_share_worker.delivery.continuous import persistent
from tom_share_worker.exceptions import ConfigurationError, ShareRefused
from tom_share_worker.models import Share
from tom_share_worker.status import notices, tables
from tom_share_worker.status.persistent import overview as rows
from tom_share_worker.status.persistent.forms import PersistentShareForm, TermsForm

PER_PAGE = 50
SHOWN = 10
"""Shares listed on the page of the persistent share that made them."""


class _List(LoginRequiredMixin, TemplateView):
    """The persistent shares of a target, or with none named all of them."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Let in who may view the target."""
        if not request.user.is_authenticated:
            return self.handle_no_permission()
        pk = kwargs.get("target_pk")
        self.target = None if pk is None else answers.viewable_target(request.user, pk)
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Gather the rows of one page."""
        user = self.request.user
        found = rows.visible(user, self.target.pk if self.target else None)
        if not rows.may(user, "view"):
            found = found.none()
        page = Paginator(found.order_by("-created", "-pk"), PER_PAGE).get_page(
            self.request.GET.get("page")
        )
        return super().get_context_data(**kwargs) | {
            "target": self.target,
            "may_view": rows.may(user, "view"),
            "page": page,
            "standings": rows.standings(user, list(page)),
        }


class PersistentShareList(_List):
    """The list, and the form that makes a new one."""

    template_name = "tom_share_worker/persistent_share_list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the form, for those who may make one."""
        context = super().get_context_data(**kwargs)
        if self._may_make() and "form" not in context:
            context["form"] = PersistentShareForm(self.request.user, self.target)
        note = notices.worker_note(self.request.user)
        return context | {
            "worker_note": notices.marked_up(note),
            "here": self.request.get_full_path(),
        }

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Make a persistent share."""
        if not self._may_make():
            raise PermissionDenied("You may not share this target continuously.")
        form = PersistentShareForm(request.user, self.target, request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form))
        asked = form.cleaned_data
        try:
            made = persistent.make(
                request.user,
                asked["destination"],
                asked["target"],
                kinds=asked["kinds"],
                until=asked["until"],
                existing=asked["share_existing_data"],
            )
        except ShareRefused as refusal:
            form.add_error(None, str(refusal))
            return self.render_to_response(self.get_context_data(form=form))
        name, to = asked["target"].name, conf.display_name(made.destination)
        now = " What it has now goes first." if asked["share_existing_data"] else ""
        messages.success(
            request,
            f"From now on, what is saved for {name} is shared with {to}.{now}",
        )
        return _back(made)

    def _may_make(self) -> bool:
        if not rows.may(self.request.user, "add"):
            return False
        return self.target is None or toolkit.may_change_target(
            self.request.user, self.target.pk
        )


class PersistentShareTable(_List):
    """The table alone, which scripts of the host's pages load anew."""

    template_name = "tom_share_worker/partials/persistent_share_table.html"


class PersistentShareDetail(LoginRequiredMixin, TemplateView):
    """One persistent share: how it stands, its terms, and what it shared last."""

    template_name = "tom_share_worker/persistent_share_detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Gather all that is known of it."""
        row = _row(self.request, kwargs["pk"], "view")
        user = self.request.user
        (standing,) = rows.standings(user, [row])
        terms = standing.terms
        initial = {"kinds": terms.kinds or list(rows.KIND_WORDS), "until": terms.until}
        made = Share.objects.filter(persistent_share=row)
        visible = made.filter(pk__in=visibility.visible_shares(user))
        visible = masking.with_subjects(user, visible)
        kwargs.setdefault("form", TermsForm(initial=initial))
        table = tables.ShareTable(tables.shares(visible.order_by("-pk"))[:SHOWN])
        return super().get_context_data(
            standing=standing,
            target=row.target,
            here=self.request.path,
            table=table,
            hidden=made.exists() and not visible.exists(),
            destination_note=notices.destination_note(notices.state(row.destination)),
            **kwargs,
        )

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Set the terms."""
        row = _row(request, pk, "change")
        terms = persistent.terms(row)
        form = TermsForm(request.POST, initial={"until": terms.until})
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(pk=pk, form=form))
        persistent.limit(row, form.cleaned_data["kinds"], form.cleaned_data["until"])
        messages.success(request, "The terms are set, and hold for what waits, too.")
        return redirect("tom_share_worker:persistent-share", pk=pk)


class PersistentSharePause(LoginRequiredMixin, View):
    """Let what is saved wait."""

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Pause, and go back."""
        row = _row(request, pk, "change")
        persistent.pause(row, request.user)
        messages.success(
            request,
            f"Sharing {row.target.name} with {conf.display_name(row.destination)} is "
            f"paused. What is saved meanwhile waits, and goes when it is resumed.",
        )
        return _back(row, request)


class PersistentShareResume(LoginRequiredMixin, View):
    """Share again."""

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Resume, and go back."""
        row = _row(request, pk, "change")
        persistent.resume(row)
        messages.success(
            request,
            f"Sharing {row.target.name} with {conf.display_name(row.destination)} goes "
            f"on, beginning with what was saved meanwhile.",
        )
        return _back(row, request)


class PersistentShareExisting(LoginRequiredMixin, View):
    """Share the target and the data it has now."""

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Make the share, and lead to it."""
        row = _row(request, pk, "change")
        try:
            share = persistent.share_existing(row, row.target)
        except (ShareRefused, ConfigurationError) as refusal:
            messages.error(request, str(refusal))
            return redirect("tom_share_worker:persistent-share", pk=pk)
        if visibility.visible_shares(request.user).filter(pk=share.pk).exists():
            return redirect(share)
        messages.success(request, f"{share.subject} goes to {share.destination_name}.")
        return redirect("tom_share_worker:persistent-share", pk=pk)


class PersistentShareDelete(LoginRequiredMixin, View):
    """Share no more, and forget what waits."""

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Delete, and go back."""
        row = _row(request, pk, "delete")
        back = _back(row, request)
        messages.success(
            request,
            f"{row.target.name} is no longer shared with "
            f"{conf.display_name(row.destination)} continuously. What has arrived "
            f"there stays there.",
        )
        row.delete()
        return back


def _row(request: HttpRequest, pk: int, verb: str) -> Any:
    """Return a persistent share with which the person may do this, or refuse."""
    row = get_object_or_404(rows.visible(request.user), pk=pk)
    if not rows.may(request.user, verb, row if verb != "view" else None):
        raise PermissionDenied(f"You may not {verb} this persistent share.")
    return row


def _back(row: Any, request: HttpRequest | None = None) -> HttpResponse:
    """Lead to where the button was, or to the persistent shares of the target."""
    came_from = request.POST.get("next", "") if request else ""
    if came_from and url_has_allowed_host_and_scheme(came_from, allowed_hosts=None):
        return redirect(came_from)
    address = reverse(
        "targets:target-persistent-share-manage-form",
        kwargs={"target_pk": row.target_id},
    )
    return redirect(address)
