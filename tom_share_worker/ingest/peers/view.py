"""What the addresses for other TOMs have in common; a base of their views."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.http import HttpResponseBase
from django.utils.decorators import method_decorator
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from tom_share_worker.ingest import problems
from tom_share_worker.ingest.limits import AccountRate
from tom_share_worker.ingest.problems import NOT_FOUND, Problem


class Unread(BaseParser):
    """Leaves the body to `limits`, also where CSRF protection looks for a form."""

    media_type = "*/*"

    def parse(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return no form."""
        return {}


class OnlyJson(BaseContentNegotiation):
    """Answer in JSON, whatever was asked for: there is nothing else."""

    def select_parser(
        self, request: Request, parsers: Iterable[BaseParser]
    ) -> BaseParser:
        """Return the only parser."""
        return next(iter(parsers))

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        """Return the only renderer."""
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


class PeerView(APIView):
    """A view for another TOM: an account, a rate, JSON, and problems in words."""

    permission_classes = [IsAuthenticated]
    throttle_classes = [AccountRate]
    renderer_classes = [JSONRenderer]
    parser_classes = [Unread]
    content_negotiation_class = OnlyJson

    # A row must be committed before a batch is stored, whatever ATOMIC_REQUESTS says.
    @method_decorator(transaction.non_atomic_requests)
    def dispatch(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer a request."""
        return super().dispatch(*args, **kwargs)

    def get_exception_handler(self) -> Any:
        """Let refusals be problem details."""
        return problems.answer


class Nowhere(PeerView):
    """Whatever else is asked for below these addresses, in whatever way.

    Without it Django would answer in HTML, or redirect to an address with a slash,
    which turns a batch into a question.
    """

    authentication_classes: list[Any] = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse before anything is looked at."""
        raise Problem(NOT_FOUND, "There is nothing at this address.")
