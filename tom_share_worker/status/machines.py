"""The pages for machines that watch: health, and figures for Prometheus.

Anybody may ask whether sharing works; what is wrong, and the figures, are for staff and
for accounts that may view shares of others, by session, API token or password.
"""

from __future__ import annotations

from typing import Any

from django.db import DatabaseError, InterfaceError, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.settings import api_settings

from tom_share_worker.delivery import visibility
from tom_share_worker.operating import metrics
from tom_share_worker.operating.health import NO_DATABASE, Health, Verdict, look

SAID = {
    Verdict.OK: "Sharing works.",
    Verdict.DEGRADED: "Sharing works, and something needs a person.",
    Verdict.DOWN: "Sharing does not work at the moment; nothing is lost.",
}

NOT_INSTALLED = (
    "Figures for Prometheus need a package that is not installed here. Ask whoever "
    "runs this TOM to do: pip install 'tom_share_worker[metrics]'"
)

WHOSE = (
    "The figures are for staff and for accounts that may view the shares of others. "
    "Send the API token of one: Authorization: Token …"
)


# A database that is away must not be met before the view can say so.
@transaction.non_atomic_requests
@never_cache
@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """Answer 200 or 503, and how it stands; what is wrong only to who may know."""
    found = look()
    told: dict[str, Any] = {"status": found.status, "detail": _said(found)}
    if _may_read(request):
        told["time"] = timezone.now().isoformat()
        told["checks"] = [
            {"name": check.name, "status": check.status, "detail": check.sentence}
            for check in found.checks
        ]
    return JsonResponse(told, status=503 if found.status == Verdict.DOWN else 200)


def _said(found: Health) -> str:
    is_away = [check.sentence for check in found.checks if check.name == "database"]
    return is_away[0] if is_away else SAID[found.status]


@transaction.non_atomic_requests
@never_cache
@require_safe
def figures(request: HttpRequest) -> HttpResponse:
    """Answer with the figures, in the format that is asked for."""
    try:
        if not _may_read(request, strict=True):
            # Not 403: TOM Toolkit turns it into a redirect to its login page.
            answer = _sentence(WHOSE, 401)
            answer["WWW-Authenticate"] = "Token"
            return answer
        if not metrics.is_installed():
            return _sentence(NOT_INSTALLED, 501)
        text, content_type = metrics.exposition(request.headers.get("Accept", ""))
    except (DatabaseError, InterfaceError):
        return _sentence(NO_DATABASE, 503)
    return HttpResponse(text, content_type=content_type)


PLAIN = "text/plain; charset=utf-8"


def _sentence(said: str, status: int) -> HttpResponse:
    return HttpResponse(f"{said}\n", status=status, content_type=PLAIN)


def _may_read(request: HttpRequest, *, strict: bool = False) -> bool:
    """True for staff and for who may view all shares.

    A database that is away knows nobody; `strict` lets its error out.
    """
    schemes: Any = api_settings.DEFAULT_AUTHENTICATION_CLASSES
    try:
        asked = Request(request, authenticators=[scheme() for scheme in schemes])
        return _is_told(asked.user)
    except APIException:  # a token that is wrong or has expired
        return False
    except (DatabaseError, InterfaceError):
        if strict:
            raise
        return False


def _is_told(user: Any) -> bool:
    if user is None or not user.is_active:
        return False
    return bool(user.is_staff or visibility.sees_all(user))
