"""The share page of a target, at the host's own address: choose, and share at once.

It takes what the host's own page posts, too, which a TOM may have adapted for itself.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.forms import Form
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.generic import FormView

from tom_share_worker import conf
from tom_share_worker.delivery import permissions
from tom_share_worker.delivery.asking import answers, choosing, outbox
from tom_share_worker.delivery.asking.forms import TargetForm, without_needless_authors
from tom_share_worker.exceptions import ShareRefused
from tom_share_worker.models import Share


class TargetShareView(LoginRequiredMixin, FormView):  # type: ignore[type-arg]
    """Shares a target, or of its data what is ticked, or both."""

    template_name = "tom_share_worker/target_share.html"
    form_class = TargetForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not request.user.is_authenticated:
            return self.handle_no_permission()
        self.target = answers.viewable_target(request.user, kwargs["pk"])
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the page, or give our script the ids that match what was typed."""
        kind = request.GET.get("ids")
        if kind is None:
            return super().get(request, *args, **kwargs)
        if permissions.target_objection(request.user, self.target):
            return JsonResponse({"ids": []})
        return JsonResponse({"ids": choosing.found_ids(request, self.target, kind)})

    def get_initial(self) -> dict[str, Any]:
        return {
            "submitter": self.request.user,
            "target": self.target,
            "share_title": f"Updated data for {self.target.name}",
            **answers.kept(self.request),
        }

    def get_form(self, form_class: Any = None) -> Any:
        form = answers.offering(self.request, super().get_form(form_class))
        _put_download_last(form)
        return without_needless_authors(form)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        objection = permissions.target_objection(self.request.user, self.target)
        return super().get_context_data(**kwargs) | {
            "target": self.target,
            "objection": objection,
            "sections": []
            if objection
            else choosing.sections(self.request, self.target),
        }

    def form_valid(self, form: Form) -> HttpResponse:
        try:
            destination, text = answers.asked(form)
            if form.cleaned_data["target"].pk != self.target.pk:
                raise ShareRefused("The form names another target than this page.")
            chosen = choosing.read(self.request)
        except ShareRefused as refusal:
            return answers.refuse(self.request, refusal, self._page())
        if destination == conf.DOWNLOAD:
            return self._download(form, chosen)

        def share() -> Share:
            return outbox.share_selected(
                self.request.user,
                destination,
                chosen.named,
                target=self.target,
                with_target=chosen.with_target,
                whole=chosen.whole,
                **text,
            )

        back = reverse("targets:detail", kwargs={"pk": self.target.pk})
        return answers.answer(self.request, share, back, again=self._page())

    def form_invalid(self, form: Form) -> HttpResponse:
        return answers.say_invalid(self.request, form, self._page())

    def _download(self, form: Form, chosen: choosing.Chosen) -> HttpResponse:
        if chosen.goes_beyond_photometry:
            refusal = ShareRefused(
                "Only photometry can be downloaded as a table. Tick nothing else, or "
                "choose a destination to share the rest with."
            )
            return answers.refuse(self.request, refusal, self._page())
        whole = self.target if chosen.whole else None
        return answers.download(self.request, form, self._page(), whole)

    def _page(self) -> str:
        return reverse("targets:share", kwargs={"pk": self.target.pk})


def _put_download_last(form: Any) -> None:
    """Let a browser choose a destination at first, and not the host's `download`."""
    field = form.fields["share_destination"]
    others = [choice for choice in field.choices if choice[0] != conf.DOWNLOAD]
    if len(others) < len(field.choices):
        here = (conf.DOWNLOAD, "Download photometry to this computer")
        field.choices = [*others, here]
