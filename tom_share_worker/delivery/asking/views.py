"""The host's share forms, answered at once: permission, one row, a link.

Each view stands at the host's own address (see the door `urls`) and takes what the
host's templates post. The share page of a target is in `share_page`.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.generic import FormView, View

from tom_share_worker import conf, toolkit
from tom_share_worker.delivery.asking import answers, outbox
from tom_share_worker.delivery.asking.forms import (
    TargetListForm,
    without_needless_authors,
)
from tom_share_worker.exceptions import ShareRefused
from tom_share_worker.models import Share

PAGE = 200
"""Targets of a list that its share page names; to share all, none needs naming."""


class TargetListShareView(LoginRequiredMixin, FormView):  # type: ignore[type-arg]
    """Shares a target list, whole or in part, with or without data."""

    template_name = "tom_share_worker/target_list_share.html"
    form_class = TargetListForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not request.user.is_authenticated:
            return self.handle_no_permission()
        lists = toolkit.viewable_target_lists(request.user)
        self.target_list = get_object_or_404(lists, pk=kwargs["pk"])
        return super().dispatch(request, *args, **kwargs)

    def get_initial(self) -> dict[str, Any]:
        return {
            "submitter": self.request.user,
            "target_list": self.target_list,
            "share_title": f"Updated targets for group {self.target_list.name}.",
            **answers.kept(self.request),
        }

    def get_form(self, form_class: Any = None) -> Any:
        form = super().get_form(form_class)
        # A list is no file: the host offers to download it all the same, and fails.
        field: Any = form.fields["share_destination"]
        field.choices = [c for c in field.choices if c[0] != conf.DOWNLOAD]
        return without_needless_authors(answers.offering(self.request, form))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        listed = self.target_list.targets.values("pk")
        targets = toolkit.viewable_targets(self.request.user).filter(pk__in=listed)
        pages = Paginator(targets.order_by("name"), PAGE)
        return super().get_context_data(**kwargs) | {
            "target_list": self.target_list,
            "targets": pages.get_page(self.request.GET.get("page")),
            "target_count": pages.count,
        }

    def form_valid(self, form: Form) -> HttpResponse:
        def share() -> Share:
            destination, text = answers.asked(form)
            if form.cleaned_data["target_list"].pk != self.target_list.pk:
                raise ShareRefused("The form names another target list than this page.")
            whole = self.request.POST.get("isSelectAll", "").lower() == "true"
            return outbox.share_target_list(
                self.request.user,
                destination,
                self.target_list,
                None if whole else answers.ids(self.request, "selected-target"),
                with_data=bool(self.request.POST.get("dataSwitch")),
                with_products=bool(self.request.POST.get("productSwitch")),
                **text,
            )

        back = f"{reverse('targets:list')}?targetlist__name={self.target_list.pk}"
        return answers.answer(self.request, share, back, again=self._page())

    def form_invalid(self, form: Form) -> HttpResponse:
        return answers.say_invalid(self.request, form, self._page())

    def _page(self) -> str:
        return reverse("targets:share-group", kwargs={"pk": self.target_list.pk})


class DataShareView(View):
    """Shares ticked photometry, or all data of a target; or downloads the former."""

    def get(self, request: HttpRequest, tg_pk: int) -> HttpResponse:
        """Lead to the page that holds the form; a person may come from the login."""
        back = reverse("targets:detail", kwargs={"pk": tg_pk})
        if not request.user.is_authenticated:
            return redirect_to_login(back)
        answers.viewable_target(request.user, tg_pk)
        return redirect(back)

    def post(self, request: HttpRequest, tg_pk: int) -> HttpResponse:
        form = toolkit.DataShareForm(request.POST, request.FILES)
        back = reverse("targets:detail", kwargs={"pk": tg_pk})
        if form.is_valid() and form.cleaned_data["share_destination"] == conf.DOWNLOAD:
            return answers.download(request, form, back)
        if not request.user.is_authenticated:
            return redirect_to_login(back)
        target = answers.viewable_target(request.user, tg_pk)
        if not form.is_valid():
            return answers.say_invalid(request, form, back)

        def share() -> Share:
            destination, text = answers.asked(form)
            ticked = answers.ids(request, "share-box")
            if ticked:
                return outbox.share_selected(
                    request.user,
                    destination,
                    {"photometry": ticked},
                    target=target,
                    **text,
                )
            return outbox.share_target_data(request.user, destination, target, **text)

        return answers.answer(request, share, back)


class DataProductShareView(LoginRequiredMixin, View):
    """Shares one data product with its file."""

    def get(self, request: HttpRequest, dp_pk: int) -> HttpResponse:
        """Lead to the page that holds the form; a person may come from the login."""
        product = _viewable_product(request.user, dp_pk)
        return redirect(reverse("targets:detail", kwargs={"pk": product.target_id}))

    def post(self, request: HttpRequest, dp_pk: int) -> HttpResponse:
        product = _viewable_product(request.user, dp_pk)
        form = toolkit.DataShareForm(request.POST, request.FILES)
        back = reverse("targets:detail", kwargs={"pk": product.target_id})
        if not form.is_valid():
            return answers.say_invalid(request, form, back)

        def share() -> Share:
            destination, text = answers.asked(form)
            if destination == conf.DOWNLOAD:
                raise ShareRefused(
                    "To download a data product, follow the link of its file name."
                )
            return outbox.share_data_product(request.user, destination, product, **text)

        return answers.answer(request, share, back)


def _viewable_product(user: Any, pk: int) -> Any:
    """Return a data product the person may view, or refuse."""
    products = toolkit.viewable_data_products(user).filter(pk=pk)
    product = products.select_related("target").first()
    if product is None:
        raise PermissionDenied
    return product
