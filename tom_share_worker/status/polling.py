"""What pages ask for every few seconds, and how that comes to an end.

Used by the views of fragments that htmx loads. Whose session has ended gets a sentence
in place of the fragment, not the login page; and no more is asked for.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.mixins import AccessMixin
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.views import View

STOP = 286
"""The status by which htmx learns that it need not ask again."""

GONE = "This is no longer there, or you may not see it any more."


class Polled(AccessMixin, View):
    """A fragment that is asked for again and again, by people who are logged in."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Answer; end the asking where there is nothing more to tell."""
        if not self.may_ask(request):
            return self.handle_no_permission()
        try:
            return super().dispatch(request, *args, **kwargs)
        except Http404:
            if not _by_htmx(request):
                raise
            return _last_word(request, {"sentence": GONE})

    def may_ask(self, request: HttpRequest) -> bool:
        """Return whether this person may ask at all."""
        return bool(request.user.is_authenticated)

    def handle_no_permission(self) -> Any:
        """Lead a person to the login page, and htmx to nothing more."""
        request = self.request
        if not _by_htmx(request):
            return super().handle_no_permission()
        if request.user.is_authenticated:
            return _last_word(request, {"sentence": GONE})
        page = urlsplit(request.headers.get("HX-Current-URL", ""))
        back = page._replace(scheme="", netloc="").geturl() or "/"
        login = redirect_to_login(back, str(settings.LOGIN_URL)).url
        return _last_word(request, {"login": login})


def _by_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def _last_word(request: HttpRequest, said: dict[str, str]) -> HttpResponse:
    page = "tom_share_worker/partials/polling_ended.html"
    answer = render(request, page, said, status=STOP)
    patch_cache_control(answer, no_store=True)
    return answer
